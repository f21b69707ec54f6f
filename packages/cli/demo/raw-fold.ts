/**
 * The demo's own fold of the raw log. It shares no code with the service on purpose: two independent folds
 * rarely make the same mistake.
 */

/** An item of the log's container, as Cosmos DB returns it. */
// biome-ignore lint/suspicious/noExplicitAny: raw items, read without a schema.
export type RawItem = any

/** What is found in any log. */
export interface FoldedLog {
  /** The last version of each stream. */
  readonly versions: Map<string, number>
  readonly events: number
  /** Faults in the log itself. */
  readonly faults: string[]
}

interface Expected extends FoldedLog {
  /** What `GET /orders/{id}` should answer, by order id. */
  readonly orders: Map<string, Record<string, unknown>>
  /** What `GET /sales-by-product/{sku}` should answer, by SKU. */
  readonly sales: Map<string, Record<string, unknown>>
}

/**
 * The events of a log in the order of their versions, the last version of each stream, and faults in the log
 * itself.
 */
export function readLog(items: readonly RawItem[]): Omit<FoldedLog, 'events'> & { readonly events: RawItem[] } {
  const events: RawItem[] = []
  const versions = new Map<string, number>()
  const faults: string[] = []
  const keys = new Set<string>()
  const receipts = items.filter(({ id }) => id.startsWith('~'))
  const commits = items.filter(({ id }) => /^\d{16}$/.test(id)).sort((a, b) => a.from - b.from)
  if (commits.length + receipts.length < items.length) faults.push('an item is neither a commit nor a receipt')
  for (const { id, stream, key } of [...commits, ...receipts]) {
    if (keys.has(`${stream} ${key}`)) faults.push(`${stream} ${id}: its key has two outcomes`)
    keys.add(`${stream} ${key}`)
  }
  for (const commit of commits) {
    const { id, stream, from, to } = commit
    const before = versions.get(stream) ?? 0
    if (from !== before + 1) faults.push(`${stream}: version ${from} comes after ${before}`)
    const commitEvents = parseEvents(commit)
    if (Number(id) !== from || commitEvents.length !== to - from + 1)
      faults.push(`${stream} ${id}: it says ${from} to ${to}, and has ${commitEvents.length} events`)
    events.push(...commitEvents)
    versions.set(stream, to)
  }
  for (const { stream, version } of receipts)
    if ((versions.get(stream) ?? 0) < version)
      faults.push(`${stream}: a receipt names version ${version}, which is missing`)
  return { events, versions, faults }
}

/**
 * The events of a commit. Each gets its own fields, the shared ones, and those that follow from its place.
 */
function parseEvents({ stream, from, text }: RawItem): RawItem[] {
  const { events, ...shared } = JSON.parse(text)
  return events.map((content: RawItem, index: number) => {
    const version = from + index
    const previousHash = events[index - 1]?.hash ?? shared.previousHash
    return { ...shared, ...content, id: String(version).padStart(16, '0'), stream, version, previousHash }
  })
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
      shippingAddress: toPublicAddress(data),
      payment: data.payment ?? { method: 'card', withinSeconds: 900 },
      ...(data.reference === undefined ? {} : { reference: data.reference }),
      placedAt: time,
    })
  const order = orders.get(id) ?? {}
  order.updatedAt = time
  if (type === 'ShippingAddressChanged') order.shippingAddress = toPublicAddress(data)
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

/**
 * Since version 4 of OrderPlaced and 2 of ShippingAddressChanged the house number is separate. Since the version
 * after, the postal code may be missing, which is shown as a dash.
 */
function toPublicAddress({ shippingAddress }: RawItem): RawItem {
  const { streetName, houseNumber, ...rest } = { postalCode: '-', ...shippingAddress }
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
