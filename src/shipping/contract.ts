import { eventType } from 'tidemark'
import * as z from 'zod'

/**
 * The public events of shipping: where an order's goods are. One stream for each order, `shipment-<order>`.
 */

/** The events carry the lines, so that a reader who moves stock need not store the order. */
export const shippedLines = z.array(z.object({ sku: z.string(), quantity: z.int().positive() })).min(1)

const shipment = z.object({ orderId: z.string(), lines: shippedLines })

/** The goods are packed and waiting for the carrier. */
export const ShipmentPrepared = eventType('ShipmentPrepared', shipment)

/** The carrier has the goods: from here on they can only come back. */
export const ShipmentDispatched = eventType('ShipmentDispatched', shipment)

export const ShipmentDelivered = eventType('ShipmentDelivered', shipment)

/** The goods never left: the customer or the warehouse stopped the shipment in time. */
export const ShipmentCancelled = eventType('ShipmentCancelled', z.object({ orderId: z.string(), reason: z.string() }))

/** The shipment was stopped too late: the goods are on their way and must come back. */
export const ShipmentRecalled = eventType('ShipmentRecalled', z.object({ orderId: z.string(), reason: z.string() }))

/** The goods are back. */
export const ShipmentReturned = eventType('ShipmentReturned', shipment)
