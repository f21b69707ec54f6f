import { eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'

/**
 * What ordering tells the other services: its public events. They rely on these schemas alone; a change that
 * an old reader cannot read is a new event.
 */

export const sku = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)

export const orderLine = z.object({
  sku,
  quantity: z.int().min(1).max(10_000),
  /** In minor units of the order's currency. */
  unitPrice: z.int().nonnegative().max(1_000_000_000),
})
export type OrderLine = z.infer<typeof orderLine>

export const address = z.object({
  name: z.string().min(1).max(200),
  street: z.string().min(1).max(200),
  postalCode: z.string().min(1).max(20),
  city: z.string().min(1).max(200),
  /** ISO 3166-1 alpha-2 */
  country: z.string().regex(/^[A-Z]{2}$/),
})
export type Address = z.infer<typeof address>

/** How an order is paid: a card is asked at once; a transfer waits for the money to arrive. */
export const paymentMethod = z.enum(['card', 'transfer'])

/** How long an order waits for its payment before that expires, where nothing else was agreed. Seconds. */
export const PAY_WITHIN_SECONDS = 900

/** The longest that an order waits for its payment, in seconds. */
const LONGEST_SECONDS = 30 * 86_400

const withinSeconds = z.int().min(1).max(LONGEST_SECONDS)

export const payment = z.object({
  method: paymentMethod,
  /** From the moment that payments opens the payment, once the stock is reserved. */
  withinSeconds,
})
export type Payment = z.infer<typeof payment>

/** Where an order was taken. */
export const channel = z.enum(['web', 'shop', 'phone'])

const placedV1 = z.object({
  orderId: z.string(),
  customerId: z.string(),
  /** In SKU order; a SKU stands in one line only. */
  lines: z.array(orderLine).min(1).max(50),
  total: money,
  shippingAddress: address,
})

const placedV2 = placedV1.extend({ payment })
export const placedV3 = placedV2.extend({ channel })

/**
 * Since version 2 it says how it is paid: until then every order was paid by card. Since version 3 it says
 * where it was taken: until then there was the web shop alone.
 */
export const OrderPlaced = eventType('OrderPlaced', placedV1)
  .additive(placedV2, (data) => ({ ...data, payment: { method: 'card' as const, withinSeconds: PAY_WITHIN_SECONDS } }))
  .additive(placedV3, (data) => ({ ...data, channel: 'web' as const }))

/** Carries the lines once more: who counts or reserves them needs no memory of the order. */
const ended = z.object({
  orderId: z.string(),
  reason: z.string(),
  lines: z.array(orderLine).min(1).max(50),
  total: money,
})

/** The customer no longer wants it. */
export const OrderCancelled = eventType('OrderCancelled', ended)

/** It cannot be had. */
export const OrderRejected = eventType('OrderRejected', ended)

/** All of it is reserved. */
export const OrderConfirmed = eventType('OrderConfirmed', z.object({ orderId: z.string() }))

/** Paid and on its way to the customer. */
export const OrderCompleted = eventType('OrderCompleted', z.object({ orderId: z.string() }))

/** Which products, and how many of each: what is kept, moved and sent. */
export const quantities = z
  .array(orderLine.pick({ sku: true, quantity: true }))
  .min(1)
  .max(50)

// What an order's fulfilment, `fulfilment-<order>`, wants done. Each is asked once, and answered by events of
// whoever does it.

/**
 * Asks inventory to let go of what is reserved for an order: nothing of it was shipped, and nothing will be.
 * Not at the cancellation itself, which may meet goods that are on their way.
 */
export const StockReleaseRequested = eventType(
  'StockReleaseRequested',
  z.object({
    orderId: z.string(),
    lines: quantities,
  }),
)

const paymentRequestedV1 = z.object({
  orderId: z.string(),
  amount: money,
  method: paymentMethod,
  due: z.iso.datetime(),
})

/**
 * Asks payments to open a payment; by card it is authorised or declined at once, a transfer once it is there.
 * Since version 2 payments keeps the time and says when it is over: whoever does not know that must not open
 * the payment. In version 1 ordering kept it, and asked for a void then, so payments gives such a payment the
 * longest time there is and never ends it first.
 */
export const PaymentRequested = eventType('PaymentRequested', paymentRequestedV1).breaking(
  paymentRequestedV1.omit({ due: true }).extend({ withinSeconds }),
  ({ due: _, ...data }) => ({ ...data, withinSeconds: LONGEST_SECONDS }),
)

/** Asks payments to take the money that was authorised: the goods are on their way. */
export const CaptureRequested = eventType('CaptureRequested', z.object({ orderId: z.string(), amount: money }))

/** Asks payments to let go of a payment of which nothing was captured. */
export const VoidRequested = eventType('VoidRequested', z.object({ orderId: z.string(), reason: z.string() }))

/** Asks payments to give back all that was captured and not given back yet. */
export const RefundRequested = eventType('RefundRequested', z.object({ orderId: z.string(), reason: z.string() }))

/** Asks shipping to prepare a shipment: it is paid, or will be for sure. */
export const ShipmentRequested = eventType(
  'ShipmentRequested',
  z.object({
    orderId: z.string(),
    lines: quantities,
    address,
  }),
)

/** Asks shipping to stop a shipment: it is cancelled if it was not dispatched, else recalled. */
export const ShipmentCancellationRequested = eventType(
  'ShipmentCancellationRequested',
  z.object({ orderId: z.string(), reason: z.string() }),
)

/** All that a fulfilment asks for. */
export const fulfilmentRequests = [
  PaymentRequested,
  CaptureRequested,
  VoidRequested,
  RefundRequested,
  ShipmentRequested,
  ShipmentCancellationRequested,
  StockReleaseRequested,
] as const
