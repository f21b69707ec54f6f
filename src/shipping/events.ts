import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { ShipmentCancelled, ShipmentDelivered, ShipmentRecalled, shippedLines } from './contract.ts'

/**
 * What shipping keeps for itself. Others are told less of the events that have the contract's names: see
 * service.ts.
 */

/** Shipping's own, so that its log does not change with the contract of ordering. */
export const destination = z.object({
  name: z.string(),
  street: z.string(),
  postalCode: z.string(),
  city: z.string(),
  /** ISO 3166-1 alpha-2 */
  country: z.string(),
})

const shipment = z.object({ orderId: z.string(), lines: shippedLines })

/** With where it goes. */
export const PrivateShipmentPrepared = eventType('ShipmentPrepared', shipment.extend({ address: destination }))

/** With who has it, and the carrier's code to follow it by. */
export const PrivateShipmentDispatched = eventType(
  'ShipmentDispatched',
  shipment.extend({ carrier: z.string().exactOptional(), trackingCode: z.string().exactOptional() }),
)

/** With why it came back. */
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
