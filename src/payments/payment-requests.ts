import type { EventOf, Reaction } from 'tidemark'
import { CaptureRequested, PaymentRequested, RefundRequested, VoidRequested } from '../ordering/contract.ts'
import { payment } from './payment.ts'

const events = [PaymentRequested, CaptureRequested, VoidRequested, RefundRequested] as const

/**
 * Does with an order's payment what its fulfilment asks for, each once. A payment that is opened expires when
 * its time is over: its time runs from its own opening, whenever that was asked for.
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
        // `request:…` is the id of the code that sent a due time in its place: one id has one content,
        // whichever code sends it.
        const { events } = await send(payment, orderId, `open:${orderId}`, request)
        const [opened, decided] = events
        // A card is decided with its opening: no time runs.
        if (opened?.type === 'PaymentOpened' && decided === undefined)
          await sendLater(opened.data.due, payment, orderId, `expire:${orderId}`, { type: 'expire', data: {} })
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
