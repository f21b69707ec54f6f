import type { EventOf, Reaction } from 'tidemark'
import { StockReleaseRequested } from '../ordering/contract.ts'
import { releaseAll } from './release.ts'
import { reservation } from './reservation.ts'

const events = [StockReleaseRequested] as const

/**
 * Releases the units reserved for an order. An order and its fulfilment are two streams, so this may overtake
 * the reservation. Then the cancellation lists no units and nothing is released here. Later
 * `stockReservation` finds the cancellation, and releases what it reserved.
 */
export const stockRelease: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'stock-release',
  service: 'ordering',
  category: 'fulfilment',
  events,
  startsAt: 'first',
  async react({ data }, send) {
    const { orderId } = data
    const answer = await send(reservation, orderId, `cancel:${orderId}`, { type: 'cancel', data: {} })
    const cancelled = answer.events.find((event) => event.type === 'StockReservationCancelled')
    if (cancelled) await releaseAll(orderId, cancelled.data.lines, send)
  },
}
