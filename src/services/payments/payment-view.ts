import type { Money } from '../../core/money.ts'
import type { OneStreamView } from '../../core/view.ts'
import type { PaymentEvent } from './events.ts'

/** `refunded`: all that was captured was given back. */
const statuses = ['open', 'authorised', 'declined', 'voided', 'captured', 'refunded'] as const

/** What `GET /payments/{id}` shows. */
export interface PaymentDocument {
  readonly orderId: string
  readonly status: (typeof statuses)[number]
  readonly method: 'card' | 'transfer'
  /** Asked for. */
  readonly amount: Money
  /** Minor units of the same currency. */
  readonly captured: number
  readonly refunded: number
  /** Until when the order waits for it: RFC 3339. */
  readonly due: string
  /** The bank's, of a transfer. */
  readonly reference?: string
  /** Why it was declined, voided or, most recently, given back. */
  readonly reason?: string
  readonly openedAt: string
  readonly updatedAt: string
}

/** One payment as it stands. */
export const paymentView: OneStreamView<PaymentDocument, PaymentEvent> = {
  kind: 'one-stream',
  name: 'payment',
  category: 'payment',
  filters: { status: statuses },
  evolve(document, event) {
    const { time: updatedAt } = event
    if (event.type === 'PaymentOpened')
      return { status: 'open', ...event.data, captured: 0, refunded: 0, openedAt: updatedAt, updatedAt }
    if (document === undefined) return undefined
    switch (event.type) {
      case 'PaymentAuthorised':
        return { ...document, ...event.data, updatedAt, status: 'authorised' }
      case 'PaymentDeclined':
        return { ...document, updatedAt, status: 'declined', reason: event.data.reason }
      case 'PaymentVoided':
        return { ...document, updatedAt, status: 'voided', reason: event.data.reason }
      case 'PaymentCaptured':
        return { ...document, updatedAt, status: 'captured', captured: event.data.amount.amount }
      case 'PaymentRefunded': {
        const refunded = document.refunded + event.data.amount.amount
        const status = refunded === document.captured ? 'refunded' : 'captured'
        return { ...document, updatedAt, status, refunded, reason: event.data.reason }
      }
    }
  },
  sort: (document) => `${document.openedAt}|${document.orderId}`,
}
