import type { ManyStreamView } from '../../core/view.ts'
import type { PaymentEvent } from './events.ts'

/** How often it happened, and the minor units that it was about. */
export interface Sum {
  readonly count: number
  readonly amount: number
}

/** What `GET /takings/{currency}` shows. Once nothing is under way, what was authorised was captured or voided. */
export interface Takings {
  readonly currency: string
  readonly authorised: Sum
  readonly declined: Sum
  readonly voided: Sum
  readonly captured: Sum
  readonly refunded: Sum
}

const kinds = {
  PaymentAuthorised: 'authorised',
  PaymentDeclined: 'declined',
  PaymentVoided: 'voided',
  PaymentCaptured: 'captured',
  PaymentRefunded: 'refunded',
} as const

const nothing: Sum = { count: 0, amount: 0 }

/** The money of each currency. Sums alone, so the order in which streams arrive does not matter. */
export const takings: ManyStreamView<Takings, PaymentEvent> = {
  kind: 'many-streams',
  name: 'takings',
  category: 'payment',
  filters: {},
  targets: (event) => (event.type === 'PaymentOpened' ? [] : [event.data.amount.currency]),
  evolve(document, event, currency) {
    const sums = document ?? {
      currency,
      authorised: nothing,
      declined: nothing,
      voided: nothing,
      captured: nothing,
      refunded: nothing,
    }
    if (event.type === 'PaymentOpened') return sums
    const kind = kinds[event.type]
    const { count, amount } = sums[kind]
    return { ...sums, [kind]: { count: count + 1, amount: amount + event.data.amount.amount } }
  },
  sort: (document) => document.currency,
}
