import { canary, canaryView, erasure, published, type Service } from 'tidemark'
import {
  ShipmentCancelled,
  ShipmentDelivered,
  ShipmentDispatched,
  ShipmentPrepared,
  ShipmentRecalled,
  ShipmentReturned,
} from './contract.ts'
import { PrivateShipmentDispatched, PrivateShipmentPrepared, PrivateShipmentReturned } from './events.ts'
import { shipment } from './shipment.ts'
import { shipmentRequests } from './shipment-requests.ts'
import { shipmentView } from './shipment-view.ts'

/** Ships orders. Addresses, carriers and the reasons of returns stay private. */
export const shipping: Service = {
  name: 'shipping',
  deciders: [shipment, erasure, canary],
  publishes: [
    published(PrivateShipmentPrepared, ShipmentPrepared, ({ orderId, lines }) => ({ orderId, lines })),
    published(PrivateShipmentDispatched, ShipmentDispatched, ({ orderId, lines }) => ({ orderId, lines })),
    published(ShipmentDelivered),
    published(ShipmentCancelled),
    published(ShipmentRecalled),
    published(PrivateShipmentReturned, ShipmentReturned, ({ orderId, lines }) => ({ orderId, lines })),
  ],
  views: [shipmentView, canaryView],
  reactions: [shipmentRequests],
  personal: { reads: ['ordering'] },
  resources: [
    {
      path: 'shipments',
      documents: { view: shipmentView, list: 'shipments', one: 'shipment' },
      commands: { decider: shipment, offered: ['dispatch', 'deliver', 'return', 'cancel'] },
    },
  ],
}
