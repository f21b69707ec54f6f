import type { MultiStreamView } from 'tidemark'
import * as z from 'zod'
import type { OrderEvent } from './events.ts'

/** What `GET /sales-by-product/{sku}` shows: orders that were neither cancelled nor rejected. */
const salesByProductDocument = z.object({
  sku: z.string(),
  orders: z.int(),
  quantity: z.int(),
  /** Minor units by currency: amounts of different currencies are never added. */
  revenue: z.record(z.string(), z.int()),
})
export type SalesByProductDocument = z.infer<typeof salesByProductDocument>

type Sale = Extract<OrderEvent, { type: 'OrderPlaced' | 'OrderCancelled' | 'OrderRejected' }>

function isSale(event: OrderEvent): event is Sale {
  return event.type === 'OrderPlaced' || event.type === 'OrderCancelled' || event.type === 'OrderRejected'
}

/** Orders, units and revenue of each product. These are sums, so the order of the streams does not matter. */
export const salesByProduct: MultiStreamView<SalesByProductDocument, OrderEvent> = {
  kind: 'many-streams',
  name: 'sales-by-product',
  category: 'order',
  document: salesByProductDocument,
  filters: {},
  documentKeys: (event) => (isSale(event) ? event.data.lines.map((line) => line.sku) : []),
  evolve(document, event, sku) {
    const sales = document ?? { sku, orders: 0, quantity: 0, revenue: {} }
    if (!isSale(event)) return sales
    const line = event.data.lines.find((candidate) => candidate.sku === sku)
    if (line === undefined) return sales
    const sign = event.type === 'OrderPlaced' ? 1 : -1
    const { currency } = event.data.total
    return {
      sku,
      orders: sales.orders + sign,
      quantity: sales.quantity + sign * line.quantity,
      revenue: { ...sales.revenue, [currency]: (sales.revenue[currency] ?? 0) + sign * line.quantity * line.unitPrice },
    }
  },
  sort: (document) => document.sku,
}
