import { type FoldedLog, type RawItem, readLog } from './raw-fold.ts'

/** The units of one order line, counted in its product's stream. */
interface Units {
  reserved: number
  released: number
  declined: number
  shipped: number
  returned: number
}

/** Its faults: a gap, oversold units, an order that was answered twice, more units returned than shipped. */
export interface ExpectedStock extends FoldedLog {
  /** What `GET /stock/{sku}` should answer, by SKU. */
  readonly levels: Map<string, Record<string, unknown>>
  /** By order, then by SKU. */
  readonly units: Map<string, Map<string, Units>>
  /** The last event of each order's reservation, by order. */
  readonly reservations: Map<string, string>
  /** The number of answers about each order's stock: reserved or rejected. */
  readonly answers: Map<string, number>
}

/** The demo's own fold of inventory's raw log. Like raw-fold.ts, it shares no code with the service. */
export function foldRawStock(items: readonly RawItem[]): ExpectedStock {
  const { events, versions, faults } = readLog(items)
  const expected: ExpectedStock = {
    levels: new Map(),
    units: new Map(),
    reservations: new Map(),
    answers: new Map(),
    versions,
    events: events.length,
    faults,
  }
  for (const event of events)
    if (event.stream.startsWith('stock-')) foldStock(expected, event)
    else foldReservation(expected, event)
  return expected
}

function foldReservation({ reservations, answers }: ExpectedStock, { type, data }: RawItem): void {
  reservations.set(data.orderId, type)
  if (type === 'StockReserved' || type === 'StockReservationRejected')
    answers.set(data.orderId, (answers.get(data.orderId) ?? 0) + 1)
}

function foldStock({ levels, units, faults }: ExpectedStock, { stream, version, type, time, data }: RawItem): void {
  const sku = stream.slice('stock-'.length)
  const level = (levels.get(sku) as RawItem) ?? { sku, onHand: 0, reserved: 0, declined: 0, shipped: 0, returned: 0 }
  const orderUnits = units.get(data.orderId) ?? new Map<string, Units>()
  const line = orderUnits.get(sku) ?? { reserved: 0, released: 0, declined: 0, shipped: 0, returned: 0 }
  if (type === 'StockReceived') level.onHand += data.quantity
  if (type === 'StockAdjusted') level.onHand += data.change
  if ((type === 'UnitsReserved' || type === 'UnitsDeclined') && line.reserved + line.declined > 0)
    faults.push(`${stream}@${version}: order ${data.orderId} was answered before`)
  if (type === 'UnitsReserved') {
    level.reserved += data.quantity
    line.reserved += data.quantity
  }
  if (type === 'UnitsDeclined') {
    // `quantity` until version 2.
    const requested = data.requested ?? data.quantity
    level.declined += requested
    if (requested <= level.onHand - level.reserved) faults.push(`${stream}@${version}: declined, but there was enough`)
    line.declined += requested
  }
  if (type === 'UnitsReleased') {
    level.reserved -= data.quantity
    line.released += data.quantity
  }
  if (type === 'UnitsShipped') {
    level.onHand -= data.quantity
    level.reserved -= data.quantity
    level.shipped += data.quantity
    line.shipped += data.quantity
  }
  if (type === 'UnitsReturned') {
    level.onHand += data.quantity
    level.returned += data.quantity
    line.returned += data.quantity
  }
  if (line.released + line.shipped > line.reserved)
    faults.push(`${stream}@${version}: more was released or shipped than reserved`)
  if (line.returned > line.shipped) faults.push(`${stream}@${version}: more came back than was shipped`)
  level.available = level.onHand - level.reserved
  level.status = level.available > 0 ? 'in-stock' : 'sold-out'
  level.updatedAt = time
  if (level.available < 0) faults.push(`${stream}@${version}: oversold by ${-level.available}`)
  levels.set(sku, level)
  if (data.orderId === undefined) return
  orderUnits.set(sku, line)
  units.set(data.orderId, orderUnits)
}
