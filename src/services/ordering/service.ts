import type { Service } from '../../core/service.ts'
import { OrderCancelled, OrderConfirmed, OrderPlaced } from './contract.ts'
import { order } from './order.ts'
import { orderView } from './order-view.ts'
import { salesByProduct } from './sales-by-product.ts'

/** Takes orders. */
export const ordering: Service = {
  name: 'ordering',
  deciders: [order],
  publishes: [OrderPlaced, OrderConfirmed, OrderCancelled],
  views: [orderView, salesByProduct],
}
