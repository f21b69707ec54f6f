import { z } from 'zod'
import { type EventOf, eventType } from '../../core/event.ts'
import type { ImmediateReaction } from '../../core/reaction.ts'
import { order } from './orders.ts'

const orderId = z.string()
const StockReserved = eventType(
  'StockReserved',
  z.object({ orderId, lines: z.array(z.object({ sku: z.string(), quantity: z.int() })) }),
)
const StockReservationRejected = eventType(
  'StockReservationRejected',
  z.object({ orderId, sku: z.string(), requested: z.int(), available: z.int() }),
)
const events = [StockReserved, StockReservationRejected] as const

/**
 * The simplest reaction: it confirms an order whose stock is reserved, and rejects one whose stock is not. An
 * order that was cancelled meanwhile refuses both.
 */
export const orderConfirmation: ImmediateReaction<EventOf<(typeof events)[number]>> = {
  name: 'order-confirmation',
  service: 'inventory',
  category: 'reservation',
  events,
  startsAt: 'first',
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
