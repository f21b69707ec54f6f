import type { EventOf, Reaction } from 'tidemark'
import { compose, register } from 'tidemark/azure-functions'
import { documentOf, documentsOf } from '../../packages/tidemark/azure-functions/queries.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { stockLevel } from '../../src/inventory/stock-level.ts'
import { OrderPlaced } from '../../src/ordering/contract.ts'

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
