import type { EventOf } from '../../core/event.ts'
import type { Reaction } from '../../core/reaction.ts'
import { CaptureRequested, PaymentRequested, RefundRequested, VoidRequested } from '../ordering/contract.ts'
import { payment } from './payment.ts'

const events = [PaymentRequested, CaptureRequested, VoidRequested, RefundRequested] as const

/** Does with an order's payment what its fulfilment asks for, each once. */
export const paymentRequests: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'payment-requests',
  service: 'ordering',
  category: 'fulfilment',
  events,
  async react({ type, data }, send) {
    const { orderId } = data
    switch (type) {
      case 'PaymentRequested': {
        const { amount, method, due } = data
        await send(payment, orderId, `request:${orderId}`, { type: 'request', data: { amount, method, due } })
        return
      }
      case 'CaptureRequested': {
        await send(payment, orderId, `capture:${orderId}`, { type: 'capture', data: { amount: data.amount } })
        return
      }
      case 'VoidRequested': {
        await send(payment, orderId, `void:${orderId}`, { type: 'void', data: { reason: data.reason } })
        return
      }
      case 'RefundRequested':
        await send(payment, orderId, `refund:${orderId}`, { type: 'refund', data: { reason: data.reason } })
    }
  },
}
