import '../src/adapters/functions/node-version.ts'
import { app } from '@azure/functions'
import { commandTo } from '../src/adapters/functions/commands.ts'
import { documentOf, documentsOf } from '../src/adapters/functions/queries.ts'
import { serve } from '../src/adapters/functions/routes.ts'
import { projectionOf, reactionOf, relayOf } from '../src/adapters/functions/triggers.ts'
import { compose } from '../src/compose.ts'
import { inventory } from '../src/services/inventory/service.ts'
import { stock } from '../src/services/inventory/stock.ts'
import { stockLevel } from '../src/services/inventory/stock-level.ts'
import { stockRelease } from '../src/services/inventory/stock-release.ts'
import { stockReservation } from '../src/services/inventory/stock-reservation.ts'
import { stockShipment } from '../src/services/inventory/stock-shipment.ts'

const service = compose(inventory)

// Commands and queries; serve adds what was: any stream's events, and its state at a version or a moment
serve(service, [
  { name: 'stock', path: 'stock', GET: documentsOf(service, stockLevel) },
  { name: 'stock-of-product', path: 'stock/{id}', GET: documentOf(service, stockLevel, 'id') },
  { name: 'stock-command', path: 'stock/{id}/{command}', POST: commandTo(service, stock, ['receive', 'adjust']) },
])

// Log → hub
app.cosmosDB('inventory-relay', relayOf(service))

// Hub → views
app.eventHub('inventory-stock-level-view', projectionOf(service, stockLevel))

// Other services' hubs → commands
app.eventHub('inventory-stock-reservation', reactionOf(service, stockReservation))
app.eventHub('inventory-stock-release', reactionOf(service, stockRelease))
app.eventHub('inventory-stock-shipment', reactionOf(service, stockShipment))
