import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { reservedLines, StockReservationRejected, StockReserved } from './contract.ts'

const units = z.int().positive()

export const StockReceived = eventType('StockReceived', z.object({ sku: z.string(), quantity: units }))

/** A count, a loss, a find: what is on hand changes by so many. */
export const StockAdjusted = eventType(
  'StockAdjusted',
  z.object({ sku: z.string(), change: z.int(), reason: z.string() }),
)

export const UnitsReserved = eventType(
  'UnitsReserved',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units }),
)

/**
 * An order wanted more than there was. Recorded, so that the question is answered once for ever: whoever asks
 * again, however late, hears the same. Since version 2 what was asked for is called that: with all other
 * events a quantity is what moved.
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

/** What was reserved for an order has left. */
export const UnitsShipped = eventType(
  'UnitsShipped',
  z.object({ sku: z.string(), orderId: z.string(), quantity: units }),
)

/** Units of an order came back, and can be sold again. */
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
 * The order's stock is let go. Since version 2 it says what was reserved for the order by then, which is now
 * to be released: nothing, where the cancellation overtook the reservation.
 */
export const StockReservationCancelled = eventType(
  'StockReservationCancelled',
  z.object({ orderId: z.string() }),
).additive(z.object({ orderId: z.string(), lines: reservedLines.element.array() }), (data) => ({ ...data, lines: [] }))

/** What was reserved for the order leaves: from here on there is nothing to release. */
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
