import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { reservedLines, StockReservationRejected, StockReserved } from './contract.ts'

const units = z.int().positive()

export const StockReceived = eventType('StockReceived', z.object({ sku: z.string(), quantity: units }))

/** A count, a loss or a find changes the units on hand. */
export const StockAdjusted = eventType(
  'StockAdjusted',
  z.object({ sku: z.string(), change: z.int(), reason: z.string() }),
)

export const UnitsReserved = eventType(
  'UnitsReserved',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units }),
)

/**
 * An order asked for more units than are available. The answer is recorded, so a repeated request gets the
 * same answer. Version 2 renames `quantity` to `requested`: in all other events a quantity is what moved.
 */
export const UnitsDeclined = eventType(
  'UnitsDeclined',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units, available: z.int().nonnegative() }),
).breaking(
  z.object({ sku: z.string(), orderId: z.string(), requested: units, available: z.int().nonnegative() }),
  ({ quantity: requested, ...data }) => ({ ...data, requested }),
)

export const UnitsReleased = eventType(
  'UnitsReleased',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units }),
)

/** Units reserved for an order have left. */
export const UnitsShipped = eventType(
  'UnitsShipped',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units }),
)

/** Units of an order came back and can be sold again. */
export const UnitsReturned = eventType(
  'UnitsReturned',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units }),
)

/** All events of a product's stream. */
export const stockEvents = [
  StockReceived,
  StockAdjusted,
  UnitsReserved,
  UnitsDeclined,
  UnitsReleased,
  UnitsShipped,
  UnitsReturned,
] as const
export type StockEvent = EventOf<(typeof stockEvents)[number]>

/**
 * The order no longer needs its stock. Since version 2 it lists the units that were reserved, which must now
 * be released. The list is empty if the cancellation overtook the reservation.
 */
export const StockReservationCancelled = eventType(
  'StockReservationCancelled',
  z.object({ orderId: z.string() }),
).additive(z.object({ orderId: z.string(), lines: reservedLines.element.array() }), (data) => ({ ...data, lines: [] }))

/** The units reserved for the order leave: nothing remains to be released. */
export const StockReservationShipped = eventType(
  'StockReservationShipped',
  z.object({ orderId: z.string(), lines: reservedLines }),
)

/** All events of a reservation's stream. */
export const reservationEvents = [
  StockReserved,
  StockReservationRejected,
  StockReservationCancelled,
  StockReservationShipped,
] as const
export type ReservationEvent = EventOf<(typeof reservationEvents)[number]>
