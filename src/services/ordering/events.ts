import { z } from 'zod'
import { type EventOf, eventType } from '../../core/event.ts'
import { address, OrderCancelled, OrderConfirmed, OrderPlaced, OrderRejected } from './contract.ts'

/** Of no business to other services: not in the contract. */
export const ShippingAddressChanged = eventType(
  'ShippingAddressChanged',
  z.object({ orderId: z.string(), shippingAddress: address }),
)

/** All events of an order's stream. */
export const orderEvents = [OrderPlaced, ShippingAddressChanged, OrderConfirmed, OrderRejected, OrderCancelled] as const

export type OrderEvent = EventOf<(typeof orderEvents)[number]>
