import type { EventOf } from 'tidemark'
import type { OrderCancelled, OrderRejected } from '../../src/ordering/contract.ts'
import type { PrivateOrderPlaced } from '../../src/ordering/events.ts'
import type { OrderCommand } from '../../src/ordering/order.ts'

export const address = { name: 'Ada', street: 'Quay 1', postalCode: '1000', city: 'Ghent', country: 'BE' }

/** The same address in the private events. */
export const keptAddress = {
  name: 'Ada',
  streetName: 'Quay',
  houseNumber: '1',
  postalCode: '1000',
  city: 'Ghent',
  country: 'BE',
}

export const placeBody = {
  customerId: 'customer-1',
  currency: 'EUR',
  lines: [
    { sku: 'tea', quantity: 2, unitPrice: 450 },
    { sku: 'cup', quantity: 1, unitPrice: 1250 },
  ],
  shippingAddress: address,
}

export const place: OrderCommand = { type: 'place', data: placeBody }

/** In SKU order, as the decider sorts them. */
const lines = placeBody.lines.toReversed()
const payment = { method: 'card' as const, withinSeconds: 900 }
const total = { currency: 'EUR', amount: 2150 }

const order = { orderId: '1', customerId: 'customer-1', lines, total }

/** In the version that is decided now, the newest. */
export const placed: EventOf<typeof PrivateOrderPlaced> = {
  type: 'OrderPlaced',
  data: { ...order, shippingAddress: keptAddress, payment, channel: 'web' },
}

/** The same order in the first version of the event. */
export const placedV1 = { type: 'OrderPlaced' as const, data: { ...order, shippingAddress: address } }

export const cancelled: EventOf<typeof OrderCancelled> = {
  type: 'OrderCancelled',
  data: { orderId: '1', reason: 'late', lines, total },
}

export const rejected: EventOf<typeof OrderRejected> = {
  type: 'OrderRejected',
  data: { orderId: '1', reason: 'none left', lines, total },
}
