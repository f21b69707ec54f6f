import { eventType } from 'tidemark'
import * as z from 'zod'

/**
 * What shipping tells the other services: where an order's goods are. One stream for each order,
 * `shipment-<order>`.
 */

/** Carries the lines: who takes them from the stock, or puts them back, needs no memory of the order. */
export const shippedLines = z.array(z.object({ sku: z.string(), quantity: z.int().positive() })).min(1)

const shipment = z.object({ orderId: z.string(), lines: shippedLines })

/** The goods are packed and wait for the carrier. */
export const ShipmentPrepared = eventType('ShipmentPrepared', shipment)

/** The carrier has them: from here on they can only come back. */
export const ShipmentDispatched = eventType('ShipmentDispatched', shipment)

export const ShipmentDelivered = eventType('ShipmentDelivered', shipment)

/** They never left: the customer or the warehouse stopped it in time. */
export const ShipmentCancelled = eventType('ShipmentCancelled', z.object({ orderId: z.string(), reason: z.string() }))

/** It was to be stopped, too late: the goods are on their way, and are to come back. */
export const ShipmentRecalled = eventType('ShipmentRecalled', z.object({ orderId: z.string(), reason: z.string() }))

/** The goods are back. */
export const ShipmentReturned = eventType('ShipmentReturned', shipment)
