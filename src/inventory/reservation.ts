import { type CommandOf, commandType, type Decider, type Decision, type DecisionContext, refuse } from 'tidemark'
import * as z from 'zod'
import { type ReservedLines, reservedLines, shortage } from './contract.ts'
import { type ReservationEvent, reservationEvents } from './events.ts'

const reservationCommands = [
  commandType('reserve', z.strictObject({ lines: reservedLines }), { creates: true }),
  commandType('reject', shortage.strict(), { creates: true }),
  // Creates: the cancellation may arrive before the reservation.
  commandType('cancel', z.strictObject({}), { creates: true }),
  commandType('ship', z.strictObject({})),
] as const

export type ReservationCommand = CommandOf<(typeof reservationCommands)[number]>

/** Which units are reserved for an order. The streams of the products do not record this. */
type Reservation =
  | { readonly status: 'none' | 'rejected' | 'cancelled' | 'shipped' }
  | { readonly status: 'reserved'; readonly lines: ReservedLines }

function evolve(_: Reservation, event: ReservationEvent): Reservation {
  switch (event.type) {
    case 'StockReserved':
      return { status: 'reserved', lines: event.data.lines }
    case 'StockReservationRejected':
      return { status: 'rejected' }
    case 'StockReservationCancelled':
      return { status: 'cancelled' }
    case 'StockReservationShipped':
      return { status: 'shipped' }
  }
}

function decide(
  state: Reservation,
  command: ReservationCommand,
  { id: orderId }: DecisionContext,
): Decision<ReservationEvent> {
  const { status } = state
  const refused = refuse(`reservation-${status}`, `the reservation is ${status}`)
  switch (command.type) {
    case 'reserve':
      if (status === 'reserved') return []
      return status === 'none' ? [{ type: 'StockReserved', data: { orderId, ...command.data } }] : refused
    case 'reject':
      if (status === 'rejected') return []
      return status === 'none' ? [{ type: 'StockReservationRejected', data: { orderId, ...command.data } }] : refused
    case 'cancel': {
      if (status === 'cancelled' || status === 'rejected' || status === 'shipped') return []
      const lines = status === 'reserved' ? [...state.lines] : []
      return [{ type: 'StockReservationCancelled', data: { orderId, lines } }]
    }
    case 'ship':
      if (status === 'shipped') return []
      if (status === 'none') return refuse('stream-not-found', `there is no reservation ${orderId}`)
      return status === 'reserved'
        ? [{ type: 'StockReservationShipped', data: { orderId, lines: [...state.lines] } }]
        : refused
  }
}

/**
 * The reservation of an order. It is decided once: reserved, rejected or cancelled. A reserved one is then
 * cancelled or shipped, also once, so its units are either released or leave. That event lists the units.
 */
export const reservation: Decider<Reservation, ReservationCommand, ReservationEvent> = {
  category: 'reservation',
  commands: reservationCommands,
  events: reservationEvents,
  refusals: {
    'reservation-reserved': "The order's stock is reserved: the reservation can no longer be rejected.",
    'reservation-rejected': "The order's reservation was rejected: its stock can no longer be reserved.",
    'reservation-cancelled': "The order's reservation was cancelled: it can no longer be made or rejected.",
    'reservation-shipped': "The order's units have left: the reservation can no longer be made or rejected.",
  },
  initial: { status: 'none' },
  evolve,
  decide,
}
