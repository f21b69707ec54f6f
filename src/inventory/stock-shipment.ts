import type { EventOf, Reaction } from 'tidemark'
import { ShipmentDispatched, ShipmentReturned } from '../shipping/contract.ts'
import { reservation } from './reservation.ts'
import { stock } from './stock.ts'

const events = [ShipmentDispatched, ShipmentReturned] as const

/**
 * Deducts dispatched units from the stock, and adds returned ones. The order's reservation lists the units
 * that leave: those reserved for the order, or none.
 */
export const stockShipment: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'stock-shipment',
  service: 'shipping',
  category: 'shipment',
  events,
  startsAt: 'first',
  async react({ type, data }, send) {
    const { orderId } = data
    switch (type) {
      case 'ShipmentDispatched': {
        const answer = await send(reservation, orderId, `ship:${orderId}`, { type: 'ship', data: {} })
        const shipped = answer.events.find((event) => event.type === 'StockReservationShipped')
        for (const { sku, quantity } of shipped?.data.lines ?? [])
          await send(stock, sku, `ship:${orderId}:${sku}`, { type: 'ship', data: { orderId, quantity } })
        return
      }
      case 'ShipmentReturned':
        for (const { sku, quantity } of data.lines)
          await send(stock, sku, `restock:${orderId}:${sku}`, { type: 'restock', data: { orderId, quantity } })
        return
    }
  },
}
