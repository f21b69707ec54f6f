/**
 * The demo's own fold of the raw log. It shares no code with the service on purpose: two that agree by accident are rarer than one that
 * is wrong twice.
 */

/** An item of the log's container, as Cosmos DB returns it. */
// biome-ignore lint/suspicious/noExplicitAny: raw items, taken as they are.
export type RawItem = any

export interface Expected {
  /** What `GET /orders/{id}` should answer, by order id. */
  readonly orders: Map<string, Record<string, unknown>>
  /** What `GET /sales-by-product/{sku}` should answer, by SKU. */
  readonly sales: Map<string, Record<string, unknown>>
  /** The last version of each stream. */
  readonly versions: Map<string, number>
  readonly events: number
  /** What is wrong in the log itself. */
  readonly faults: string[]
}

/** The events of a log in the order of their versions, the last version of each stream, and what is wrong in the log itself. */
export function readLog(
  items: readonly RawItem[],
): Pick<Expected, 'versions' | 'faults'> & { readonly events: RawItem[] } {
  const events = items.filter((item) => !item.id.startsWith('~')).sort((a, b) => a.version - b.version)
  const versions = new Map<string, number>()
  const faults: string[] = []
  for (const { stream, version } of events) {
    const before = versions.get(stream) ?? 0
    if (version !== before + 1) faults.push(`${stream}: version ${version} comes after ${before}`)
    versions.set(stream, version)
  }
  for (const mark of items.filter((item) => item.id.startsWith('~cmd:')))
    if ((versions.get(mark.stream) ?? 0) < mark.to) faults.push(`${mark.stream}: a command's mark says ${mark.to}`)
  return { events, versions, faults }
}

export function foldRawLog(items: readonly RawItem[]): Expected {
  const { events, versions, faults } = readLog(items)
  const expected: Expected = { orders: new Map(), sales: new Map(), versions, events: events.length, faults }
  for (const event of events.filter(({ stream }) => stream.startsWith('order-'))) {
    foldOrder(expected.orders, event)
    foldSales(expected.sales, event)
  }
  return expected
}

function foldOrder(orders: Map<string, Record<string, unknown>>, { stream, type, time, data }: RawItem): void {
  const id = stream.slice('order-'.length)
  if (type === 'OrderPlaced')
    orders.set(id, {
      orderId: data.orderId,
      status: 'placed',
      customerId: data.customerId,
      channel: data.channel ?? 'web',
      lines: data.lines,
      total: data.total,
      shippingAddress: addressOf(data),
      payment: data.payment ?? { method: 'card', withinSeconds: 900 },
      placedAt: time,
    })
  const order = orders.get(id) ?? {}
  order.updatedAt = time
  if (type === 'ShippingAddressChanged') order.shippingAddress = addressOf(data)
  if (type === 'OrderConfirmed') order.status = 'confirmed'
  if (type === 'OrderCompleted') order.status = 'completed'
  if (type === 'OrderRejected') {
    order.status = 'rejected'
    order.rejectionReason = data.reason
  }
  if (type === 'OrderCancelled') {
    order.status = 'cancelled'
    order.cancellationReason = data.reason
  }
}

/** Since version 4 of OrderPlaced and 2 of ShippingAddressChanged the house number stands apart. */
function addressOf({ shippingAddress: { streetName, houseNumber, ...rest } }: RawItem): RawItem {
  if (streetName === undefined) return rest
  return { ...rest, street: houseNumber === undefined ? streetName : `${streetName} ${houseNumber}` }
}

function foldSales(sales: Map<string, Record<string, unknown>>, { type, data }: RawItem): void {
  const sign = type === 'OrderPlaced' ? 1 : type === 'OrderCancelled' || type === 'OrderRejected' ? -1 : 0
  if (sign === 0) return
  for (const { sku, quantity, unitPrice } of data.lines) {
    const product = (sales.get(sku) as RawItem) ?? { sku, orders: 0, quantity: 0, revenue: {} }
    product.orders += sign
    product.quantity += sign * quantity
    product.revenue[data.total.currency] = (product.revenue[data.total.currency] ?? 0) + sign * quantity * unitPrice
    sales.set(sku, product)
  }
}
