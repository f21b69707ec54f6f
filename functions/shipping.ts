import { app } from '@azure/functions'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { eventsOf, stateOf } from '../src/adapters/functions/history.ts'
import { http } from '../src/adapters/functions/http.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { projectionOf, reactionOf, relayOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { shipping } from '../src/services/shipping/service.ts'
import { shipment } from '../src/services/shipping/shipment.ts'
import { shipmentRequests } from '../src/services/shipping/shipment-requests.ts'
import { shipmentView } from '../src/services/shipping/shipment-view.ts'

const service = compose(shipping)

// Commands and queries
app.http('shipping-shipments', http('shipping/shipments', { GET: documentsOf(service, shipmentView) }))
app.http('shipping-shipment', http('shipping/shipments/{id}', { GET: documentOf(service, shipmentView, 'id') }))
app.http(
  'shipping-shipment-command',
  http('shipping/shipments/{id}/{command}', {
    POST: commandTo(service, shipment, ['dispatch', 'deliver', 'return', 'cancel']),
  }),
)
app.http('shipping-no-route', http('shipping/{*path}', {}))

// What was: any stream's events, and its state at a version or a moment
app.http('shipping-events', http('shipping/streams/{stream}/events', { GET: eventsOf(service) }))
app.http('shipping-state', http('shipping/streams/{stream}/state', { GET: stateOf(service) }))

// Log → hub
app.cosmosDB('shipping-relay', relayOf(service))

// Hub → views
app.eventHub('shipping-shipment-view', projectionOf(service, shipmentView))

// Other services' hubs → commands
app.eventHub('shipping-shipment-requests', reactionOf(service, shipmentRequests))
