import type { Money } from '../../core/money.ts'
import type { OneStreamView } from '../../core/view.ts'
import type { Address, OrderLine, Payment } from './contract.ts'
import type { OrderEvent } from './events.ts'

const statuses = ['placed', 'confirmed', 'rejected', 'cancelled', 'completed'] as const
type OrderStatus = (typeof statuses)[number]

/** What `GET /orders/{id}` shows. */
export interface OrderDocument {
  readonly orderId: string
  readonly status: OrderStatus
  readonly customerId: string
  readonly lines: readonly OrderLine[]
  readonly total: Money
  readonly shippingAddress: Address
  readonly payment: Payment
  readonly cancellationReason?: string
  readonly rejectionReason?: string
  readonly placedAt: string
  readonly updatedAt: string
}

/** One order as it stands. */
export const orderView: OneStreamView<OrderDocument, OrderEvent> = {
  kind: 'one-stream',
  name: 'order',
  category: 'order',
  filters: { status: statuses },
  evolve(document, event) {
    if (event.type === 'OrderPlaced')
      return { status: 'placed', ...event.data, placedAt: event.time, updatedAt: event.time }
    if (document === undefined) return undefined
    const updatedAt = event.time
    switch (event.type) {
      case 'ShippingAddressChanged':
        return { ...document, updatedAt, shippingAddress: event.data.shippingAddress }
      case 'OrderConfirmed':
        return { ...document, updatedAt, status: 'confirmed' }
      case 'OrderCompleted':
        return { ...document, updatedAt, status: 'completed' }
      case 'OrderRejected':
        return { ...document, updatedAt, status: 'rejected', rejectionReason: event.data.reason }
      case 'OrderCancelled':
        return { ...document, updatedAt, status: 'cancelled', cancellationReason: event.data.reason }
    }
  },
  sort: (document) => `${document.placedAt}|${document.orderId}`,
}
