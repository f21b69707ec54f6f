import type { Service } from 'tidemark'
import { orderTrail } from './order-trail.ts'

/** Shows customers what happens to their orders. It records nothing: all it knows comes from other services. */
export const customers: Service = {
  name: 'customers',
  deciders: [],
  publishes: [],
  views: [orderTrail],
  reactions: [],
  resources: [
    {
      path: 'orders',
      documents: { view: orderTrail, list: 'orders', one: 'order', key: 'orderId' },
    },
  ],
}
