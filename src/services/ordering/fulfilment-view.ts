import type { OneStreamView } from '../../core/view.ts'
import type { FulfilmentEvent } from './events.ts'

const statuses = ['open', 'completed', 'failed', 'cancelled'] as const

/** What `GET /fulfilments/{id}` shows: how far an order is, and what it waits for. */
export interface FulfilmentDocument {
  readonly orderId: string
  readonly status: (typeof statuses)[number]
  /** What was answered last; absent: nothing yet. */
  readonly stock?: string
  readonly payment?: string
  readonly shipment?: string
  /** Until when it waits for its payment. RFC 3339. */
  readonly paymentDue?: string
  /** What was asked for, in the order of asking. */
  readonly asked: readonly string[]
  readonly reason?: string
  readonly startedAt: string
  readonly updatedAt: string
}

/** The fulfilment of each order. */
export const fulfilmentView: OneStreamView<FulfilmentDocument, FulfilmentEvent> = {
  kind: 'one-stream',
  name: 'fulfilment',
  category: 'fulfilment',
  filters: { status: statuses },
  evolve(before, event) {
    const { time: updatedAt } = event
    const { orderId } = event.data
    const document = { ...(before ?? { orderId, status: 'open', asked: [], startedAt: updatedAt }), updatedAt } as const
    switch (event.type) {
      case 'FulfilmentStarted':
      case 'AddressNoted':
      case 'ConfirmationNoted':
      case 'PaymentOverdue':
        return document
      case 'StockAnswered':
        return { ...document, stock: event.data.answer }
      case 'PaymentAnswered':
        return { ...document, payment: event.data.answer }
      case 'ShipmentAnswered':
        return { ...document, shipment: event.data.answer }
      case 'CancellationNoted':
        // A failure cancels the order too: that it is what it failed of stays.
        return document.status === 'failed' ? document : { ...document, status: 'cancelled', reason: event.data.reason }
      case 'FulfilmentFailed':
        return { ...document, status: 'failed', reason: event.data.reason }
      case 'FulfilmentCompleted':
        return { ...document, status: 'completed' }
      case 'PaymentRequested':
        return { ...document, asked: [...document.asked, event.type], paymentDue: event.data.due }
      default:
        return { ...document, asked: [...document.asked, event.type] }
    }
  },
  sort: (document) => `${document.startedAt}|${document.orderId}`,
}
