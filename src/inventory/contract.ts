import { eventType } from 'tidemark'
import * as z from 'zod'

/**
 * The public events of inventory: whether an order's stock is reserved. One stream for each order,
 * `reservation-<order>`.
 */

/** The products of an order, and how many units of each. */
export const reservedLines = z.array(z.object({ sku: z.string(), quantity: z.int().positive() })).min(1)
export type ReservedLines = readonly z.infer<typeof reservedLines.element>[]

export const StockReserved = eventType('StockReserved', z.object({ orderId: z.string(), lines: reservedLines }))

/** Nothing is reserved for the order. Names the first product, in SKU order, that is short. */
export const shortage = z.object({
  sku: z.string(),
  requested: z.int().positive(),
  available: z.int().nonnegative(),
})

export const StockReservationRejected = eventType(
  'StockReservationRejected',
  z.object({ orderId: z.string(), ...shortage.shape }),
)
