import type { RawItem } from '../../packages/cli/demo/raw-fold.ts'

/**
 * Folds a product's stock from its raw events of any versions, without code of the service: the expected
 * answer of `GET /stock/{sku}`.
 */
export function foldLevel(events: readonly RawItem[]): RawItem {
  const sum = (type: string, field: string): number =>
    events.reduce((total, event) => total + (event.type === type ? (event.data[field] ?? 0) : 0), 0)
  const [shipped, returned] = [sum('UnitsShipped', 'quantity'), sum('UnitsReturned', 'quantity')]
  const onHand = sum('StockReceived', 'quantity') + sum('StockAdjusted', 'change') - shipped + returned
  const reserved = sum('UnitsReserved', 'quantity') - sum('UnitsReleased', 'quantity') - shipped
  return {
    sku: events[0].data.sku,
    status: onHand > reserved ? 'in-stock' : 'sold-out',
    onHand,
    reserved,
    available: onHand - reserved,
    declined: sum('UnitsDeclined', 'quantity') + sum('UnitsDeclined', 'requested'),
    shipped,
    returned,
    updatedAt: events.at(-1)?.time,
  }
}
