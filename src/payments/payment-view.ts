import type { SingleStreamView } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { method, type PaymentEvent } from './events.ts'

/** `refunded` means that everything captured was given back. */
const statuses = ['open', 'authorised', 'declined', 'expired', 'voided', 'captured', 'refunded'] as const

/** What `GET /payments/{id}` shows. */
const paymentDocument = z.object({
  orderId: z.string(),
  status: z.enum(statuses),
  method,
  /** The amount requested. */
  amount: money,
  /** Minor units of the same currency. */
  captured: z.int(),
  refunded: z.int(),
  /** The deadline: an open payment expires then. */
  due: z.iso.datetime(),
  /** The bank's reference of a transfer. */
  reference: z.string().exactOptional(),
  /** Why it was declined, voided or last refunded. */
  reason: z.string().exactOptional(),
  openedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
export type PaymentDocument = z.infer<typeof paymentDocument>

/** The current state of one payment. */
export const paymentView: SingleStreamView<PaymentDocument, PaymentEvent> = {
  kind: 'one-stream',
  name: 'payment',
  category: 'payment',
  document: paymentDocument,
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
      case 'PaymentExpired':
        return { ...document, updatedAt, status: 'expired' }
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
  sort: (document) => document.openedAt,
}
