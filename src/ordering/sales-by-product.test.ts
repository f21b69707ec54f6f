import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Recorded } from 'tidemark'
import { foldDocuments, interleaved } from '../../test/support/commuting.ts'
import type { OrderEvent } from './events.ts'
import { salesByProduct } from './sales-by-product.ts'

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
            // Only the fields the view reads.
            return events as unknown as Recorded<OrderEvent>[]
          })
          const mixed = interleaved(streams, choices)
          assert.deepEqual(foldDocuments(salesByProduct, mixed), foldDocuments(salesByProduct, streams.flat()))
          compared += mixed.length
        },
      ),
    )
    assert.ok(compared > 100)
  })
})
