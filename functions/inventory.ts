import { app } from '@azure/functions'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { eventsOf, stateOf } from '../src/adapters/functions/history.ts'
import { http } from '../src/adapters/functions/http.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { projectionOf, reactionOf, relayOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { inventory } from '../src/services/inventory/service.ts'
import { stock } from '../src/services/inventory/stock.ts'
import { stockLevel } from '../src/services/inventory/stock-level.ts'
import { stockRelease } from '../src/services/inventory/stock-release.ts'
import { stockReservation } from '../src/services/inventory/stock-reservation.ts'
import { stockShipment } from '../src/services/inventory/stock-shipment.ts'

const service = compose(inventory)
const levels = documentsOf(service, stockLevel)
const oneLevel = documentOf(service, stockLevel, 'id')

// Commands and queries
app.http('inventory-stock', http('inventory/stock', { GET: levels }))
app.http('inventory-stock-of-product', http('inventory/stock/{id}', { GET: oneLevel }))
app.http(
  'inventory-stock-command',
  http('inventory/stock/{id}/{command}', { POST: commandTo(service, stock, ['receive', 'adjust']) }),
)
app.http('inventory-no-route', http('inventory/{*path}', {}))

// What was: any stream's events, and its state at a version or a moment
app.http('inventory-events', http('inventory/streams/{stream}/events', { GET: eventsOf(service) }))
app.http('inventory-state', http('inventory/streams/{stream}/state', { GET: stateOf(service) }))

// Log → hub
app.cosmosDB('inventory-relay', relayOf(service))

// Hub → views
app.eventHub('inventory-stock-level-view', projectionOf(service, stockLevel))

// Other services' hubs → commands
app.eventHub('inventory-stock-reservation', reactionOf(service, stockReservation))
app.eventHub('inventory-stock-release', reactionOf(service, stockRelease))
app.eventHub('inventory-stock-shipment', reactionOf(service, stockShipment))
