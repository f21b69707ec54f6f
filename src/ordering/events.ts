import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { privateAddress, privateAddressV1, privateAddressV2, toPrivateAddress } from './address.ts'
import {
  address,
  addressV1,
  addressV2,
  customer,
  fulfilmentRequests,
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlacedV3,
  OrderRejected,
  payment,
  placedV3,
  placedV4,
  quantities,
} from './contract.ts'

/**
 * The private `OrderPlaced`. Versions 1 to 3 equal the public event. From version 4 on the two differ: here
 * the house number is separate, which other services do not need. In version 5 the postal code may be missing,
 * and there may be a region and the customer's own number. In version 6 name and street are encrypted.
 */
export const PrivateOrderPlaced = OrderPlacedV3.breaking(
  placedV3.extend({ shippingAddress: privateAddressV1 }),
  (data) => ({
    ...data,
    shippingAddress: toPrivateAddress(data.shippingAddress),
  }),
)
  .breaking(placedV4.extend({ shippingAddress: privateAddressV2 }), (data) => data)
  .breaking(placedV4.extend({ shippingAddress: privateAddress }), (data) => data)

const addressChangedV1 = z.object({ orderId: z.string(), shippingAddress: addressV1 })

/**
 * Private: not in the contract. Since version 2 the house number is separate. In version 3 the postal code may
 * be missing, and there may be a region. In version 4 name and street are encrypted.
 */
export const ShippingAddressChanged = eventType('ShippingAddressChanged', addressChangedV1)
  .breaking(addressChangedV1.extend({ shippingAddress: privateAddressV1 }), (data) => ({
    ...data,
    shippingAddress: toPrivateAddress(data.shippingAddress),
  }))
  .breaking(addressChangedV1.extend({ shippingAddress: privateAddressV2 }), (data) => data)
  .breaking(addressChangedV1.extend({ shippingAddress: privateAddress }), (data) => data)

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

// The inputs of an order's fulfilment: from the order itself, and from the services that do their part.

/** The data of an order that its fulfilment needs. */
export const orderSnapshot = z.object({
  lines: quantities,
  total: money,
  address,
  payment,
  ...customer,
})

// Since version 2 of the next two the address may have a region. Older code would lose it on its way to the
// shipment, so it must wait. In version 3 name and street are encrypted.

const fulfilmentStarted = orderSnapshot.extend({ orderId: z.string() })
const fulfilmentStartedV1 = fulfilmentStarted.omit({ customerId: true }).extend({ address: addressV1 })
export const FulfilmentStarted = eventType('FulfilmentStarted', fulfilmentStartedV1)
  .breaking(fulfilmentStartedV1.extend({ address: addressV2 }), (data) => data)
  .breaking(fulfilmentStarted, (data) => data)

const addressNotedV1 = z.object({ orderId: z.string(), address: addressV1 })
export const AddressNoted = eventType('AddressNoted', addressNotedV1)
  .breaking(addressNotedV1.extend({ address: addressV2 }), (data) => data)
  .breaking(addressNotedV1.extend({ address }), (data) => data)

/** The order's address can no longer change. */
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
/** Since version 2 a payment may expire. Older code would treat such a payment as still to come. */
export const PaymentAnswered = eventType('PaymentAnswered', paymentAnsweredV1).breaking(
  paymentAnsweredV1.extend({ answer: paymentAnswer }),
  (data) => data,
)

export const shipmentAnswer = z.enum(['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned'])
export const ShipmentAnswered = eventType(
  'ShipmentAnswered',
  z.object({ orderId: z.string(), answer: shipmentAnswer, reason: z.string().optional() }),
)

// How a fulfilment ends.

export const FulfilmentFailed = eventType(
  'FulfilmentFailed',
  z.object({ orderId: z.string(), cause: z.enum(['stock', 'payment', 'shipment']), reason: z.string() }),
)

export const FulfilmentCompleted = eventType('FulfilmentCompleted', z.object({ orderId: z.string() }))

/** All events of a fulfilment's stream: its inputs, its requests and its end. */
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
