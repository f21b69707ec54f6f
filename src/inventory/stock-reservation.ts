import type { EventOf, Reaction } from 'tidemark'
import { OrderPlaced } from '../ordering/contract.ts'
import { releaseAll } from './release.ts'
import { reservation } from './reservation.ts'
import { stock } from './stock.ts'

const events = [OrderPlaced] as const

/**
 * Reserves the stock of a placed order: all of it or nothing.
 *
 * A repeat reserves nothing twice and leaves nothing behind. Each product answers an order once (reserved or
 * declined, both recorded), so every repeat takes the same path. This reaction releases its own units if a
 * line was declined, or if the reservation was cancelled before (stock-release.ts).
 */
export const stockReservation: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'stock-reservation',
  service: 'ordering',
  category: 'order',
  events,
  startsAt: 'first',
  async react({ data }, send) {
    const { orderId, lines } = data
    const reserved: { sku: string; quantity: number }[] = []
    // In SKU order, one after another: nothing is requested after the first declined line.
    for (const { sku, quantity } of lines) {
      const answer = await send(stock, sku, `reserve:${orderId}:${sku}`, {
        type: 'reserve',
        data: { orderId, quantity },
      })
      const declined = answer.events.find((event) => event.type === 'UnitsDeclined')
      if (declined) {
        await releaseAll(orderId, reserved, send)
        const { available } = declined.data
        await send(reservation, orderId, `reject:${orderId}`, {
          type: 'reject',
          data: { sku, requested: quantity, available },
        })
        return
      }
      reserved.push({ sku, quantity })
    }
    const result = await send(reservation, orderId, `reserve:${orderId}`, {
      type: 'reserve',
      data: { lines: reserved },
    })
    if (result.outcome === 'refused') await releaseAll(orderId, reserved, send)
  },
}
