import type { EventOf, Reaction, Send } from 'tidemark'
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
  react: ({ type, data }, send) => (type === 'ShipmentDispatched' ? ship(data.orderId, send) : restock(data, send)),
}

async function ship(orderId: string, send: Send): Promise<void> {
  const answer = await send(reservation, orderId, `ship:${orderId}`, { type: 'ship', data: {} })
  for (const event of answer.events)
    if (event.type === 'StockReservationShipped')
      for (const { sku, quantity } of event.data.lines)
        await send(stock, sku, `ship:${orderId}:${sku}`, { type: 'ship', data: { orderId, quantity } })
}

async function restock({ orderId, lines }: EventOf<typeof ShipmentReturned>['data'], send: Send): Promise<void> {
  for (const { sku, quantity } of lines)
    await send(stock, sku, `restock:${orderId}:${sku}`, { type: 'restock', data: { orderId, quantity } })
}
