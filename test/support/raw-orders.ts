import type { RawItem } from '../../packages/cli/demo/raw-fold.ts'

/**
 * Folds orders from raw events of any versions, without code of the services: the expected views and states.
 * They include `channel`, which documents projected by an older version lack.
 */

const STATUS: Readonly<Record<string, string>> = {
  OrderConfirmed: 'confirmed',
  OrderRejected: 'rejected',
  OrderCancelled: 'cancelled',
  OrderCompleted: 'completed',
}

/** The expected answer of `GET /orders/{id}` from a view that today's version has projected. */
export function foldOrder(events: readonly RawItem[]): RawItem {
  const [placed, ...later] = events
  const { orderId, customerId, lines, total, payment, channel } = placed.data
  const order: RawItem = {
    orderId,
    customerId,
    lines,
    total,
    shippingAddress: inOneLine(placed.data.shippingAddress),
    payment: payment ?? { method: 'card', withinSeconds: 900 },
    channel: channel ?? 'web',
    status: 'placed',
    placedAt: placed.time,
    updatedAt: placed.time,
  }
  for (const { type, time, data } of later) {
    order.updatedAt = time
    order.status = STATUS[type] ?? order.status
    if (type === 'ShippingAddressChanged') order.shippingAddress = inOneLine(data.shippingAddress)
    if (type === 'OrderRejected') order.rejectionReason = data.reason
    if (type === 'OrderCancelled') order.cancellationReason = data.reason
  }
  return order
}

function inOneLine({ streetName, houseNumber, ...rest }: RawItem): RawItem {
  return streetName === undefined ? rest : { ...rest, street: [streetName, houseNumber].filter(Boolean).join(' ') }
}

/** Orders, pieces and revenue by product. */
export function foldSales(orders: Iterable<RawItem>): Map<string, RawItem> {
  const sales = new Map<string, RawItem>()
  for (const { status, lines, total } of orders)
    for (const { sku, quantity, unitPrice } of lines) {
      const before = sales.get(sku) ?? { sku, orders: 0, quantity: 0, revenue: { [total.currency]: 0 } }
      const counts = status !== 'cancelled' && status !== 'rejected' ? 1 : 0
      sales.set(sku, {
        sku,
        orders: before.orders + counts,
        quantity: before.quantity + counts * quantity,
        revenue: { [total.currency]: before.revenue[total.currency] + counts * quantity * unitPrice },
      })
    }
  return sales
}
