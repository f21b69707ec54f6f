import { eventType, personal } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'

/**
 * The public events of ordering. Other services rely only on these schemas. A change that an old reader
 * cannot read is a new event.
 */

export const sku = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)

export const orderLine = z.object({
  sku,
  quantity: z.int().min(1).max(10_000),
  /** In minor units of the order's currency. */
  unitPrice: z.int().nonnegative().max(1_000_000_000),
})
export type OrderLine = z.infer<typeof orderLine>

/** The postal code of a public address in a country that has none. Released readers need a text there. */
export const NO_POSTAL_CODE = '-'

export const addressV1 = z.object({
  name: z.string().min(1).max(200),
  street: z.string().min(1).max(200),
  /** `-` if the country has none. */
  postalCode: z.string().min(1).max(20),
  city: z.string().min(1).max(200),
  /** ISO 3166-1 alpha-2 */
  country: z.string().regex(/^[A-Z]{2}$/),
})

export const addressV2 = addressV1.extend({
  /** State, province, county or emirate, as it is written on a parcel. */
  region: z.string().min(1).max(100).exactOptional(),
})

/** What stands for the name and the street of somebody who is forgotten. */
const forgotten = { forgotten: 'forgotten' }

/** Name and street are the customer's: they are encrypted with the customer's key. */
export const address = addressV2.extend({
  name: personal(addressV2.shape.name, forgotten),
  street: personal(addressV2.shape.street, forgotten),
})
export type Address = z.infer<typeof address>

/** How an order is paid. A card is authorised at once; a transfer waits for the money to arrive. */
export const paymentMethod = z.enum(['card', 'transfer'])

/** How long an order waits for its payment by default before the payment expires, in seconds. */
export const PAY_WITHIN_SECONDS = 900

/** The longest time an order may wait for its payment, in seconds. */
const LONGEST_SECONDS = 30 * 86_400

const withinSeconds = z.int().min(1).max(LONGEST_SECONDS)

export const payment = z.object({
  method: paymentMethod,
  /** Counted from when payments opens the payment, once the stock is reserved. */
  withinSeconds,
})
export type Payment = z.infer<typeof payment>

/** Where the order was placed. */
export const channel = z.enum(['web', 'shop', 'phone'])

/** The customer's own number of the order. Two orders may have the same. */
export const reference = z.string().min(1).max(50).exactOptional()

const placedV1 = z.object({
  orderId: z.string(),
  customerId: z.string(),
  /** In SKU order; each SKU has one line. */
  lines: z.array(orderLine).min(1).max(50),
  total: money,
  shippingAddress: addressV1,
})

const placedV2 = placedV1.extend({ payment })
export const placedV3 = placedV2.extend({ channel })
export const placedV4 = placedV3.extend({ reference, shippingAddress: addressV2 })

/** The name and the street of a public order: nobody who follows orders needs them. */
const NOT_PUBLISHED = '-'
const notPublished = z.literal(NOT_PUBLISHED)
const placedV5 = placedV4.extend({ shippingAddress: addressV2.extend({ name: notPublished, street: notPublished }) })

/**
 * Version 2 adds the payment: before, every order was paid by card. Version 3 adds the channel: before,
 * there was only the web shop.
 */
export const OrderPlacedV3 = eventType('OrderPlaced', placedV1)
  .additive(placedV2, (data) => ({ ...data, payment: { method: 'card' as const, withinSeconds: PAY_WITHIN_SECONDS } }))
  .additive(placedV3, (data) => ({ ...data, channel: 'web' as const }))

/** The address of a public order. */
export function hidePerson<Where extends z.infer<typeof addressV2>>(where: Where) {
  return { ...where, name: NOT_PUBLISHED, street: NOT_PUBLISHED } as const
}

/**
 * Version 4 adds the customer's own number and the region. Version 5 has neither name nor street: `-` stands
 * there. Whoever sends goods reads `ShipmentRequested`.
 */
export const OrderPlaced = OrderPlacedV3.additive(placedV4, (data) => data).additive(placedV5, (data) => ({
  ...data,
  shippingAddress: hidePerson(data.shippingAddress),
}))

/** Repeats the lines, so that a reader who counts or releases them need not store the order. */
const ended = z.object({
  orderId: z.string(),
  reason: z.string(),
  lines: z.array(orderLine).min(1).max(50),
  total: money,
})

/** The customer no longer wants it. */
export const OrderCancelled = eventType('OrderCancelled', ended)

/** There is not enough stock for it. */
export const OrderRejected = eventType('OrderRejected', ended)

/** All its stock is reserved. */
export const OrderConfirmed = eventType('OrderConfirmed', z.object({ orderId: z.string() }))

/** Paid and on its way to the customer. */
export const OrderCompleted = eventType('OrderCompleted', z.object({ orderId: z.string() }))

/** The products, and how many units of each are reserved, moved or sent. */
export const quantities = z
  .array(orderLine.pick({ sku: true, quantity: true }))
  .min(1)
  .max(50)

// The requests of an order's fulfilment, `fulfilment-<order>`. Each is made once. The service that carries it
// out answers with its own events.

/**
 * Asks inventory to release the units reserved for an order: nothing was shipped, and nothing will be. The
 * cancellation itself does not ask this, because the goods may already be on their way.
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
 * Asks payments to open a payment. A card is authorised or declined at once, a transfer when it arrives.
 *
 * Since version 2 payments watches the deadline and reports the expiry; older code must not open the payment.
 * In version 1 ordering watched it and asked for a void. So payments gives such a payment the longest time
 * allowed, and never ends it first.
 */
export const PaymentRequested = eventType('PaymentRequested', paymentRequestedV1).breaking(
  paymentRequestedV1.omit({ due: true }).extend({ withinSeconds }),
  ({ due: _, ...data }) => ({ ...data, withinSeconds: LONGEST_SECONDS }),
)

/** Asks payments to capture the authorised money: the goods are on their way. */
export const CaptureRequested = eventType('CaptureRequested', z.object({ orderId: z.string(), amount: money }))

/** Asks payments to void a payment of which nothing was captured. */
export const VoidRequested = eventType('VoidRequested', z.object({ orderId: z.string(), reason: z.string() }))

/** Asks payments to refund everything that was captured and not yet refunded. */
export const RefundRequested = eventType('RefundRequested', z.object({ orderId: z.string(), reason: z.string() }))

const shipmentRequestedV1 = z.object({
  orderId: z.string(),
  lines: quantities,
  address: addressV1,
})

/** Whose data an event holds. Absent in events that were recorded before it was passed on. */
export const customer = { customerId: z.string().exactOptional() }

/**
 * Asks shipping to prepare a shipment: the payment is authorised. Version 2 may have a region. Older code would
 * send the goods without it, so it must wait. In version 3 name and street are encrypted.
 */
export const ShipmentRequested = eventType('ShipmentRequested', shipmentRequestedV1)
  .breaking(shipmentRequestedV1.extend({ address: addressV2 }), (data) => data)
  .breaking(shipmentRequestedV1.extend({ ...customer, address }), (data) => data)

/** Asks shipping to stop a shipment. It is cancelled if it was not dispatched, and recalled otherwise. */
export const ShipmentCancellationRequested = eventType(
  'ShipmentCancellationRequested',
  z.object({ orderId: z.string(), reason: z.string() }),
)

/** All requests of a fulfilment. */
export const fulfilmentRequests = [
  PaymentRequested,
  CaptureRequested,
  VoidRequested,
  RefundRequested,
  ShipmentRequested,
  ShipmentCancellationRequested,
  StockReleaseRequested,
] as const
