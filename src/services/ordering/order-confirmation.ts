import type { EventOf } from '../../core/event.ts'
import type { Reaction } from '../../core/reaction.ts'
import { StockReservationRejected, StockReserved } from '../inventory/contract.ts'
import { order } from './order.ts'

const events = [StockReserved, StockReservationRejected] as const

/** Confirms an order whose stock is reserved, and rejects one whose is not. One that was cancelled meanwhile refuses both. */
export const orderConfirmation: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'order-confirmation',
  service: 'inventory',
  category: 'reservation',
  events,
  async react({ type, data }, send) {
    const { orderId } = data
    if (type === 'StockReserved') {
      await send(order, orderId, `confirm:${orderId}`, { type: 'confirm', data: {} })
      return
    }
    const reason = `${data.requested} of ${data.sku} wanted, ${data.available} available`
    await send(order, orderId, `reject:${orderId}`, { type: 'reject', data: { reason } })
  },
}
