import '../src/adapters/functions/node-version.ts'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { register } from '../src/adapters/functions/register.ts'
import { compose } from '../src/compose.ts'
import { shipping } from '../src/services/shipping/service.ts'
import { shipment } from '../src/services/shipping/shipment.ts'
import { shipmentView } from '../src/services/shipping/shipment-view.ts'

const service = compose(shipping)

// Commands and queries. The rest follows from the service's declaration: the history of its streams, its relay, its projection, its reactions, and
// its periodic work.
register(service, [
  { name: 'shipments', path: 'shipments', GET: documentsOf(service, shipmentView) },
  { name: 'shipment', path: 'shipments/{id}', GET: documentOf(service, shipmentView, 'id') },
  {
    name: 'shipment-command',
    path: 'shipments/{id}/{command}',
    POST: commandTo(service, shipment, ['dispatch', 'deliver', 'return', 'cancel']),
  },
])
