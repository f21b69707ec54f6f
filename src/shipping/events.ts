import { type EventOf, eventType, personal } from 'tidemark'
import * as z from 'zod'
import { ShipmentCancelled, ShipmentDelivered, ShipmentRecalled, shippedLines } from './contract.ts'

/**
 * The private events of shipping. Events with the contract's names carry less data in public: see service.ts.
 */

const destinationV1 = z.object({
  name: z.string(),
  street: z.string(),
  postalCode: z.string(),
  city: z.string(),
  /** ISO 3166-1 alpha-2 */
  country: z.string(),
})

/** Shipping has its own schema, so its log does not change with the contract of ordering. */
const destinationV2 = destinationV1.extend({ region: z.string().exactOptional() })
const hidden = personal(z.string(), { forgotten: 'forgotten' })
export const destination = destinationV2.extend({ name: hidden, street: hidden })

/** Whose address it is. Absent in requests of orders that were placed before it was passed on. */
export const customer = { customerId: z.string().exactOptional() }

const shipment = z.object({ orderId: z.string(), lines: shippedLines })

/** With the address. Since version 2 it may have a region. In version 3 name and street are encrypted. */
export const PrivateShipmentPrepared = eventType('ShipmentPrepared', shipment.extend({ address: destinationV1 }))
  .additive(shipment.extend({ address: destinationV2 }), (data) => data)
  .breaking(shipment.extend({ ...customer, address: destination }), (data) => data)

/** With the carrier and its tracking code. */
export const PrivateShipmentDispatched = eventType(
  'ShipmentDispatched',
  shipment.extend({ carrier: z.string().exactOptional(), trackingCode: z.string().exactOptional() }),
)

/** With the reason of the return. */
export const PrivateShipmentReturned = eventType(
  'ShipmentReturned',
  shipment.extend({ reason: z.string().exactOptional() }),
)

/** All events of a shipment's stream. */
export const shipmentEvents = [
  PrivateShipmentPrepared,
  PrivateShipmentDispatched,
  ShipmentDelivered,
  ShipmentCancelled,
  ShipmentRecalled,
  PrivateShipmentReturned,
] as const
export type ShipmentEvent = EventOf<(typeof shipmentEvents)[number]>
