import '../src/adapters/functions/node-version.ts'
import { app } from '@azure/functions'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { serve } from '../src/adapters/functions/routes.ts'
import { projectionOf, reactionOf, relayOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { shipping } from '../src/services/shipping/service.ts'
import { shipment } from '../src/services/shipping/shipment.ts'
import { shipmentRequests } from '../src/services/shipping/shipment-requests.ts'
import { shipmentView } from '../src/services/shipping/shipment-view.ts'

const service = compose(shipping)

// Commands and queries; serve adds what was: any stream's events, and its state at a version or a moment
serve(service, [
  { name: 'shipments', path: 'shipments', GET: documentsOf(service, shipmentView) },
  { name: 'shipment', path: 'shipments/{id}', GET: documentOf(service, shipmentView, 'id') },
  {
    name: 'shipment-command',
    path: 'shipments/{id}/{command}',
    POST: commandTo(service, shipment, ['dispatch', 'deliver', 'return', 'cancel']),
  },
])

// Log → hub
app.cosmosDB('shipping-relay', relayOf(service))

// Hub → views
app.eventHub('shipping-shipment-view', projectionOf(service, shipmentView))

// Other services' hubs → commands
app.eventHub('shipping-shipment-requests', reactionOf(service, shipmentRequests))
