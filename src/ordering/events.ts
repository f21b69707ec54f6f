import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { privateAddress, toPrivateAddress } from './address.ts'
import {
  address,
  fulfilmentRequests,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
  payment,
  placedV3,
  quantities,
} from './contract.ts'

/**
 * An order as ordering keeps it. Its versions 1 to 3 are those that others are told. From 4 on the two go on
 * apart: here the address has the house number apart, which is no business of others.
 */
export const PrivateOrderPlaced = OrderPlaced.breaking(
  placedV3.extend({ shippingAddress: privateAddress }),
  (data) => ({
    ...data,
    shippingAddress: toPrivateAddress(data.shippingAddress),
  }),
)

/** Of no business to other services: not in the contract. Since version 2 the house number stands apart. */
export const ShippingAddressChanged = eventType(
  'ShippingAddressChanged',
  z.object({ orderId: z.string(), shippingAddress: address }),
).breaking(z.object({ orderId: z.string(), shippingAddress: privateAddress }), (data) => ({
  ...data,
  shippingAddress: toPrivateAddress(data.shippingAddress),
}))

/** All events of an order's stream. */
export const orderEvents = [
  PrivateOrderPlaced,
  ShippingAddressChanged,
  OrderConfirmed,
  OrderRejected,
  OrderCancelled,
  OrderCompleted,
] as const
export type OrderEvent = EventOf<(typeof orderEvents)[number]>

// What an order's fulfilment has heard: of the order itself, and of those who do their part of it.

/** What of an order its fulfilment needs. */
export const orderSnapshot = z.object({
  lines: quantities,
  total: money,
  address,
  payment,
})

export const FulfilmentStarted = eventType('FulfilmentStarted', orderSnapshot.extend({ orderId: z.string() }))

export const AddressNoted = eventType('AddressNoted', z.object({ orderId: z.string(), address }))

/** From here on the order's address stays as it is. */
export const ConfirmationNoted = eventType('ConfirmationNoted', z.object({ orderId: z.string() }))

export const CancellationNoted = eventType('CancellationNoted', z.object({ orderId: z.string(), reason: z.string() }))

export const stockAnswer = z.enum(['reserved', 'rejected'])
export const StockAnswered = eventType(
  'StockAnswered',
  z.object({ orderId: z.string(), answer: stockAnswer, reason: z.string().optional() }),
)

const paymentAnswerV1 = z.enum(['authorised', 'declined', 'captured', 'voided', 'refunded'])
const paymentAnsweredV1 = z.object({ orderId: z.string(), answer: paymentAnswerV1, reason: z.string().optional() })

export const paymentAnswer = z.enum([...paymentAnswerV1.options, 'expired'])
/** Since version 2 a payment may expire, which the code before takes for a payment that is still to come. */
export const PaymentAnswered = eventType('PaymentAnswered', paymentAnsweredV1).breaking(
  paymentAnsweredV1.extend({ answer: paymentAnswer }),
  (data) => data,
)

export const shipmentAnswer = z.enum(['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned'])
export const ShipmentAnswered = eventType(
  'ShipmentAnswered',
  z.object({ orderId: z.string(), answer: shipmentAnswer, reason: z.string().optional() }),
)

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
  ...fulfilmentRequests,
  FulfilmentFailed,
  FulfilmentCompleted,
] as const
export type FulfilmentEvent = EventOf<(typeof fulfilmentEvents)[number]>
