import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Recorded } from 'tidemark'
import type { OrderEvent } from './events.ts'
import { type ProductSales, salesByProduct } from './sales-by-product.ts'

const line = fc.record({
  sku: fc.constantFrom('tea', 'cup', 'pot'),
  quantity: fc.integer({ min: 1, max: 9 }),
  unitPrice: fc.nat(10_000),
})
const lines = fc.uniqueArray(line, { selector: ({ sku }) => sku, minLength: 1 })
const history = fc.record({
  lines,
  currency: fc.constantFrom('EUR', 'NOK'),
  end: fc.constantFrom(undefined, 'OrderCancelled', 'OrderRejected'),
})

describe('sales by product', () => {
  it('commutes across streams: any interleaving of orders leads to the same sales', () => {
    let compared = 0
    fc.assert(
      fc.property(
        fc.array(history, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat(5)),
        (orders, choices) => {
          const streams = orders.map(({ lines: its, currency, end }, index) => {
            const data = { orderId: String(index), lines: its, total: { currency, amount: 0 } }
            const events = [{ type: 'OrderPlaced', data }, ...(end ? [{ type: end, data }] : [])]
            // What the view reads of them.
            return events as unknown as Recorded<OrderEvent>[]
          })
          const queues = streams.map((events) => [...events])
          const mixed: Recorded<OrderEvent>[] = []
          while (queues.some((queue) => queue.length > 0)) {
            const next = queues[choices.next().value % queues.length]?.shift()
            if (next) mixed.push(next)
          }
          assert.deepEqual(fold(mixed), fold(streams.flat()))
          compared += mixed.length
        },
      ),
    )
    assert.ok(compared > 100)
  })
})

function fold(events: readonly Recorded<OrderEvent>[]): Map<string, ProductSales> {
  const documents = new Map<string, ProductSales>()
  for (const event of events)
    for (const key of salesByProduct.targets(event))
      documents.set(key, salesByProduct.evolve(documents.get(key), event, key))
  // What a map's order of insertion shows is not what the view says.
  return new Map([...documents].sort(([a], [b]) => (a < b ? -1 : 1)))
}
