import type { EventOf } from '../../core/event.ts'
import type { Reaction } from '../../core/reaction.ts'
import { StockReleaseRequested } from '../ordering/contract.ts'
import { releaseAll } from './release.ts'
import { reservation } from './reservation.ts'

const events = [StockReleaseRequested] as const

/**
 * Lets go of what is reserved for an order. An order and its fulfilment are two streams, so this may overtake the reservation: the
 * cancellation is recorded first, and whoever reserves later finds it and releases what he reserved.
 */
export const stockRelease: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'stock-release',
  service: 'ordering',
  category: 'fulfilment',
  events,
  async react({ data: { orderId, lines } }, send) {
    await send(reservation, orderId, `cancel:${orderId}`, { type: 'cancel', data: {} })
    await releaseAll(orderId, lines, send)
  },
}
