import type { EventOf, Reaction } from 'tidemark'
import { ShipmentCancellationRequested, ShipmentRequested } from '../ordering/contract.ts'
import { shipment } from './shipment.ts'

const events = [ShipmentRequested, ShipmentCancellationRequested] as const

/** Prepares or stops an order's shipment when its fulfilment asks for that. */
export const shipmentRequests: Reaction<EventOf<(typeof events)[number]>> = {
  name: 'shipment-requests',
  service: 'ordering',
  category: 'fulfilment',
  events,
  startsAt: 'first',
  async react({ type, data }, send) {
    const { orderId } = data
    switch (type) {
      case 'ShipmentRequested': {
        const { orderId: _, ...order } = data
        await send(shipment, orderId, `prepare:${orderId}`, { type: 'prepare', data: order })
        return
      }
      case 'ShipmentCancellationRequested':
        await send(shipment, orderId, `stop:${orderId}`, { type: 'stop', data: { reason: data.reason } })
        return
    }
  },
}
