import { canary, canaryView, erasure, published, type Service } from 'tidemark'
import { toPublicAddress } from './address.ts'
import {
  fulfilmentRequests,
  hidePerson,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
} from './contract.ts'
import { PrivateOrderPlaced } from './events.ts'
import { fulfilment } from './fulfilment.ts'
import { orderFulfilment } from './fulfilment-process.ts'
import { fulfilmentView } from './fulfilment-view.ts'
import { order } from './order.ts'
import { orderView } from './order-view.ts'
import { salesByProduct } from './sales-by-product.ts'

/** Accepts orders, and leads each through stock, payment and shipment. */
export const ordering: Service = {
  name: 'ordering',
  deciders: [order, fulfilment, erasure, canary],
  publishes: [
    published(PrivateOrderPlaced, OrderPlaced, ({ shippingAddress, ...data }) => ({
      ...data,
      shippingAddress: hidePerson(toPublicAddress(shippingAddress)),
    })),
    ...[OrderConfirmed, OrderRejected, OrderCancelled, OrderCompleted, ...fulfilmentRequests].map((type) =>
      published(type),
    ),
  ],
  views: [orderView, salesByProduct, fulfilmentView, canaryView],
  reactions: [],
  processes: [orderFulfilment],
  personal: { readers: ['shipping'] },
  resources: [
    {
      path: 'orders',
      documents: { view: orderView, list: 'orders', one: 'order' },
      commands: { decider: order, creates: 'place', offered: ['place', 'change-shipping-address', 'cancel'] },
    },
    {
      path: 'sales-by-product',
      documents: { view: salesByProduct, list: 'sales', one: 'sales-of-product', key: 'sku' },
    },
    { path: 'fulfilments', documents: { view: fulfilmentView, list: 'fulfilments', one: 'fulfilment' } },
  ],
}
