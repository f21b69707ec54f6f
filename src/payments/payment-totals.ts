import type { MultiStreamView } from 'tidemark'
import * as z from 'zod'
import type { PaymentEvent } from './events.ts'

/** How often it happened, and the sum in minor units. */
const sum = z.object({ count: z.int(), amount: z.int() })
type Sum = z.infer<typeof sum>

/** What `GET /takings/{currency}` shows. Once nothing is pending, authorised equals captured plus voided. */
const paymentTotalsDocument = z.object({
  currency: z.string(),
  authorised: sum,
  declined: sum,
  voided: sum,
  captured: sum,
  refunded: sum,
  /** Absent if the view was not rebuilt since payments can expire. */
  expired: sum.exactOptional(),
})
export type PaymentTotalsDocument = z.infer<typeof paymentTotalsDocument>

const kinds = {
  PaymentAuthorised: 'authorised',
  PaymentDeclined: 'declined',
  PaymentVoided: 'voided',
  PaymentCaptured: 'captured',
  PaymentRefunded: 'refunded',
  PaymentExpired: 'expired',
} as const

const nothing: Sum = { count: 0, amount: 0 }

/** The money of each currency. These are sums, so the order of the streams does not matter. */
export const paymentTotals: MultiStreamView<PaymentTotalsDocument, PaymentEvent> = {
  kind: 'many-streams',
  name: 'takings',
  category: 'payment',
  document: paymentTotalsDocument,
  filters: {},
  documentKeys: (event) => (event.type === 'PaymentOpened' ? [] : [event.data.amount.currency]),
  evolve(document, event, currency) {
    const sums: Required<PaymentTotalsDocument> = {
      currency,
      authorised: nothing,
      declined: nothing,
      voided: nothing,
      captured: nothing,
      refunded: nothing,
      expired: nothing,
      ...document,
    }
    if (event.type === 'PaymentOpened') return sums
    const kind = kinds[event.type]
    const { count, amount } = sums[kind]
    return { ...sums, [kind]: { count: count + 1, amount: amount + event.data.amount.amount } }
  },
  sort: (document) => document.currency,
}
