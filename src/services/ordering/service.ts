import { published, type Service } from '../../core/service.ts'
import { OrderCancelled, OrderConfirmed, OrderPlaced, OrderRejected } from './contract.ts'
import { order } from './order.ts'
import { orderConfirmation } from './order-confirmation.ts'
import { orderView } from './order-view.ts'
import { salesByProduct } from './sales-by-product.ts'

/** Takes orders, and confirms those whose stock is reserved. */
export const ordering: Service = {
  name: 'ordering',
  deciders: [order],
  publishes: [published(OrderPlaced), published(OrderConfirmed), published(OrderRejected), published(OrderCancelled)],
  views: [orderView, salesByProduct],
  reactions: [orderConfirmation],
}
