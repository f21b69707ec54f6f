import { documentOf, documentsOf } from '../../src/adapters/functions/queries.ts'
import { register } from '../../src/adapters/functions/register.ts'
import { compose } from '../../src/compose.ts'
import type { EventOf } from '../../src/core/event.ts'
import type { Reaction } from '../../src/core/reaction.ts'
import { inventory } from '../../src/services/inventory/service.ts'
import { stock } from '../../src/services/inventory/stock.ts'
import { stockLevel } from '../../src/services/inventory/stock-level.ts'
import { OrderPlaced } from '../../src/services/ordering/contract.ts'

/** Counts orders as units of a product of its own, each once: `seen-first` or `seen-now`. */
const counting = (startsAt: 'first' | 'now'): Reaction<EventOf<typeof OrderPlaced>> => ({
  name: `counting-${startsAt}`,
  service: 'ordering',
  category: 'order',
  events: [OrderPlaced],
  startsAt,
  async react({ data: { orderId } }, send) {
    await send(stock, `seen-${startsAt}`, `count:${orderId}`, { type: 'receive', data: { quantity: 1 } })
  },
})

/** A newer build of inventory: it has reactions more. */
const service = compose({ ...inventory, reactions: [...inventory.reactions, counting('first'), counting('now')] })
register(service, [
  { name: 'stock', path: 'stock', GET: documentsOf(service, stockLevel) },
  { name: 'stock-of-product', path: 'stock/{id}', GET: documentOf(service, stockLevel, 'id') },
])
