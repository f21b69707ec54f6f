import type { SingleStreamView } from 'tidemark'
import * as z from 'zod'
import { type FulfilmentEvent, paymentAnswer, shipmentAnswer, stockAnswer } from './events.ts'

const statuses = ['open', 'completed', 'failed', 'cancelled'] as const

/** What `GET /fulfilments/{id}` shows: how far the order is, and what it waits for. */
const fulfilmentDocument = z.object({
  orderId: z.string(),
  status: z.enum(statuses),
  /** The last answer of each service; absent before the first. */
  stock: stockAnswer.optional(),
  payment: paymentAnswer.optional(),
  shipment: shipmentAnswer.optional(),
  /** The types of the requests made, in order. */
  asked: z.array(z.string()),
  reason: z.string().optional(),
  startedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
export type FulfilmentDocument = z.infer<typeof fulfilmentDocument>

/** The fulfilment of each order. */
export const fulfilmentView: SingleStreamView<FulfilmentDocument, FulfilmentEvent> = {
  kind: 'one-stream',
  name: 'fulfilment',
  category: 'fulfilment',
  document: fulfilmentDocument,
  filters: { status: statuses },
  evolve(document, event) {
    const { time: updatedAt } = event
    const { orderId } = event.data
    // Any input may arrive first.
    const started: FulfilmentDocument = { orderId, status: 'open', asked: [], startedAt: updatedAt, updatedAt }
    const current = { ...(document ?? started), updatedAt }
    switch (event.type) {
      case 'FulfilmentStarted':
      case 'AddressNoted':
      case 'ConfirmationNoted':
        return current
      case 'StockAnswered':
        return { ...current, stock: event.data.answer }
      case 'PaymentAnswered':
        return { ...current, payment: event.data.answer }
      case 'ShipmentAnswered':
        return { ...current, shipment: event.data.answer }
      case 'CancellationNoted':
        // A failure cancels the order too. Keep the failure and its reason.
        return current.status === 'failed' ? current : { ...current, status: 'cancelled', reason: event.data.reason }
      case 'FulfilmentFailed':
        return { ...current, status: 'failed', reason: event.data.reason }
      case 'FulfilmentCompleted':
        return { ...current, status: 'completed' }
      default:
        return { ...current, asked: [...current.asked, event.type] }
    }
  },
  sort: (document) => document.startedAt,
}
