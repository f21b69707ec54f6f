import { z } from 'zod'
import { type EventOf, eventType } from '../../core/event.ts'
import { money } from '../../core/money.ts'
import {
  address,
  CaptureRequested,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
  orderLine,
  PaymentRequested,
  payment,
  RefundRequested,
  ShipmentCancellationRequested,
  ShipmentRequested,
  StockReleaseRequested,
  VoidRequested,
} from './contract.ts'

/** Of no business to other services: not in the contract. */
export const ShippingAddressChanged = eventType(
  'ShippingAddressChanged',
  z.object({ orderId: z.string(), shippingAddress: address }),
)

/** All events of an order's stream. */
export const orderEvents = [
  OrderPlaced,
  ShippingAddressChanged,
  OrderConfirmed,
  OrderRejected,
  OrderCancelled,
  OrderCompleted,
] as const
export type OrderEvent = EventOf<(typeof orderEvents)[number]>

// What an order's fulfilment has heard: of the order itself, and of those who do their part of it.

/** What of an order its fulfilment needs. */
export const wanted = z.object({
  lines: z
    .array(orderLine.pick({ sku: true, quantity: true }))
    .min(1)
    .max(50),
  total: money,
  address,
  payment,
})

export const FulfilmentStarted = eventType('FulfilmentStarted', wanted.extend({ orderId: z.string() }))

export const AddressNoted = eventType('AddressNoted', z.object({ orderId: z.string(), address }))

/** From here on the order's address stays as it is. */
export const ConfirmationNoted = eventType('ConfirmationNoted', z.object({ orderId: z.string() }))

export const CancellationNoted = eventType('CancellationNoted', z.object({ orderId: z.string(), reason: z.string() }))

export const stockAnswer = z.enum(['reserved', 'rejected'])
export const StockAnswered = eventType(
  'StockAnswered',
  z.object({ orderId: z.string(), answer: stockAnswer, reason: z.string().optional() }),
)

export const paymentAnswer = z.enum(['authorised', 'declined', 'captured', 'voided', 'refunded'])
export const PaymentAnswered = eventType(
  'PaymentAnswered',
  z.object({ orderId: z.string(), answer: paymentAnswer, reason: z.string().optional() }),
)

export const shipmentAnswer = z.enum(['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned'])
export const ShipmentAnswered = eventType(
  'ShipmentAnswered',
  z.object({ orderId: z.string(), answer: shipmentAnswer, reason: z.string().optional() }),
)

/** Its time is over, and nothing was heard of the payment. */
export const PaymentOverdue = eventType('PaymentOverdue', z.object({ orderId: z.string() }))

// How it ends.

export const FulfilmentFailed = eventType(
  'FulfilmentFailed',
  z.object({ orderId: z.string(), cause: z.enum(['stock', 'payment', 'shipment']), reason: z.string() }),
)

export const FulfilmentCompleted = eventType('FulfilmentCompleted', z.object({ orderId: z.string() }))

/** All events of a fulfilment's stream: what it heard, what it asked for, how it ended. */
export const fulfilmentEvents = [
  FulfilmentStarted,
  AddressNoted,
  ConfirmationNoted,
  CancellationNoted,
  StockAnswered,
  PaymentAnswered,
  ShipmentAnswered,
  PaymentOverdue,
  PaymentRequested,
  CaptureRequested,
  VoidRequested,
  RefundRequested,
  ShipmentRequested,
  ShipmentCancellationRequested,
  StockReleaseRequested,
  FulfilmentFailed,
  FulfilmentCompleted,
] as const
export type FulfilmentEvent = EventOf<(typeof fulfilmentEvents)[number]>
