import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DomainEvent, Recorded } from 'tidemark'
import { foldDocuments, interleaved } from '../../test/support/commuting.ts'
import type { PaymentEvent } from './events.ts'
import { paymentTotals } from './payment-totals.ts'

const history = fc.record({
  currency: fc.constantFrom('EUR', 'NOK'),
  amount: fc.nat(10_000),
  end: fc.constantFrom('open', 'declined', 'expired', 'voided', 'authorised', 'captured', 'refunded'),
})

function buildStream(
  { currency, amount, end }: { currency: string; amount: number; end: string },
  index: number,
): Recorded<PaymentEvent>[] {
  const data = { orderId: String(index), amount: { currency, amount } }
  const reasoned = { ...data, reason: 'any' }
  const opened = { type: 'PaymentOpened', data: { ...data, method: 'card', due: '2026-01-01T00:00:00.000Z' } }
  const authorised = { type: 'PaymentAuthorised', data }
  const captured = { type: 'PaymentCaptured', data }
  const then: Record<string, DomainEvent[]> = {
    declined: [{ type: 'PaymentDeclined', data: reasoned }],
    expired: [{ type: 'PaymentExpired', data }],
    voided: [authorised, { type: 'PaymentVoided', data: reasoned }],
    authorised: [authorised],
    captured: [authorised, captured],
    refunded: [authorised, captured, { type: 'PaymentRefunded', data: reasoned }],
  }
  // Only the fields the view reads.
  return [opened, ...(then[end] ?? [])] as unknown as Recorded<PaymentEvent>[]
}

describe('payment totals', () => {
  it('count and sum the payments by currency', () => {
    const stories = [
      { currency: 'EUR', amount: 5, end: 'refunded' },
      { currency: 'EUR', amount: 7, end: 'captured' },
      { currency: 'NOK', amount: 9, end: 'voided' },
      { currency: 'NOK', amount: 4, end: 'expired' },
    ]
    const none = { count: 0, amount: 0 }
    const once = (amount: number) => ({ count: 1, amount })
    assert.deepEqual(
      foldDocuments(paymentTotals, stories.flatMap(buildStream)),
      new Map([
        [
          'EUR',
          {
            currency: 'EUR',
            authorised: { count: 2, amount: 12 },
            declined: none,
            voided: none,
            captured: { count: 2, amount: 12 },
            refunded: once(5),
            expired: none,
          },
        ],
        [
          'NOK',
          {
            ...{ currency: 'NOK', authorised: once(9), voided: once(9), expired: once(4) },
            ...{ declined: none, captured: none, refunded: none },
          },
        ],
      ]),
    )
  })

  it('commute across streams: any interleaving of payments leads to the same sums', () => {
    let compared = 0
    fc.assert(
      fc.property(
        fc.array(history, { minLength: 1, maxLength: 6 }),
        fc.infiniteStream(fc.nat(5)),
        (stories, choices) => {
          const streams = stories.map(buildStream)
          const mixed = interleaved(streams, choices)
          assert.deepEqual(foldDocuments(paymentTotals, mixed), foldDocuments(paymentTotals, streams.flat()))
          compared += mixed.length
        },
      ),
    )
    assert.ok(compared > 100)
  })
})
