import type { EventOf, Reaction } from 'tidemark'
import { CaptureRequested, PaymentRequested, RefundRequested, VoidRequested } from '../ordering/contract.ts'
import { payment } from './payment.ts'

const events = [PaymentRequested, CaptureRequested, VoidRequested, RefundRequested] as const

/**
 * Carries out the requests of an order's fulfilment, each once. An opened payment expires at its deadline,
 * which is counted from its opening, not from the request.
 */
export const paymentRequests: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'payment-requests',
  service: 'ordering',
  category: 'fulfilment',
  events,
  startsAt: 'first',
  schedules: true,
  async react({ type, data }, send, sendLater) {
    const { orderId } = data
    switch (type) {
      case 'PaymentRequested': {
        const { amount, method, withinSeconds } = data
        const request = { type: 'request', data: { amount, method, withinSeconds } } as const
        // Not `request:…`: older code used that id for a command with a due time. One id must always have
        // the same content.
        const answer = await send(payment, orderId, `open:${orderId}`, request)
        const [opened, decided] = answer.events
        // A card is decided when it is opened, so it needs no deadline.
        if (opened?.type === 'PaymentOpened' && decided === undefined) {
          const expiry = { commandId: `expire:${orderId}`, due: opened.data.due }
          await sendLater(payment, orderId, expiry, { type: 'expire', data: {} })
        }
        return
      }
      case 'CaptureRequested':
        await send(payment, orderId, `capture:${orderId}`, { type: 'capture', data: { amount: data.amount } })
        return
      case 'VoidRequested':
        await send(payment, orderId, `void:${orderId}`, { type: 'void', data: { reason: data.reason } })
        return
      case 'RefundRequested':
        await send(payment, orderId, `refund:${orderId}`, { type: 'refund', data: { reason: data.reason } })
        return
    }
  },
}
