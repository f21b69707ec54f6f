import type { EventOf } from '../../core/event.ts'
import type { Reaction } from '../../core/reaction.ts'
import { ShipmentDispatched, ShipmentReturned } from '../shipping/contract.ts'
import { stock } from './stock.ts'

const events = [ShipmentDispatched, ShipmentReturned] as const

/** Takes what was dispatched out of the stock, and puts back what was returned. */
export const stockShipment: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'stock-shipment',
  service: 'shipping',
  category: 'shipment',
  events,
  async react({ type, data: { orderId, lines } }, send) {
    for (const { sku, quantity } of lines)
      if (type === 'ShipmentDispatched')
        await send(stock, sku, `ship:${orderId}:${sku}`, { type: 'ship', data: { orderId } })
      else await send(stock, sku, `restock:${orderId}:${sku}`, { type: 'restock', data: { orderId, quantity } })
  },
}
