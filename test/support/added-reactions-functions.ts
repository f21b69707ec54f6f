import type { EventOf, Reaction } from 'tidemark'
import { serve } from 'tidemark/azure-functions'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { OrderPlaced } from '../../src/ordering/contract.ts'

/** Counts orders as units of a product of their own, each once: `seen-first` or `seen-now`. */
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

/** A newer build of inventory with additional reactions. */
serve({ ...inventory, reactions: [...inventory.reactions, counting('first'), counting('now')] })
