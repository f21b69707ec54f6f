import { compose, register } from 'tidemark/azure-functions'
import { ordering } from '../../src/ordering/service.ts'

/** An app that must not start, because its route overlaps the route of a stream's state. */
const service = compose(ordering)
register(service, [
  { name: 'order', path: 'streams/{id}/state', GET: { handle: async () => ({ status: 200 }), describe: () => [] } },
])
