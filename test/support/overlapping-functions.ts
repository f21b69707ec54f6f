import { compose, register } from 'tidemark/azure-functions'
import { documentOf } from '../../packages/tidemark/azure-functions/queries.ts'
import { orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'

/** An app that must not start: its route takes the path of a stream's state. */
const service = compose(ordering)
register(service, [{ name: 'order', path: 'streams/{id}/state', GET: documentOf(service, orderView, 'id') }])
