import { type CommandOf, commandType, type Decider, type Decision, refuse } from 'tidemark'
import * as z from 'zod'
import { type ReservedLines, reservedLines, shortage } from './contract.ts'
import { type ReservationEvent, reservationEvents } from './events.ts'

const reservationCommands = [
  commandType('reserve', z.strictObject({ lines: reservedLines }), { creates: true }),
  commandType('reject', shortage.strict(), { creates: true }),
  // Creates: an order's stock may be let go before anything of it was reserved.
  commandType('cancel', z.strictObject({}), { creates: true }),
  commandType('ship', z.strictObject({})),
] as const

export type ReservationCommand = CommandOf<(typeof reservationCommands)[number]>

/** Which units an order has, of which products: what its products' streams do not know. */
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

/**
 * What became of an order's reservation: reserved, rejected or cancelled, decided once. What is reserved is
 * then cancelled or shipped: once too, so that its units are either released or leave, and the event that
 * says which names them.
 */
export const reservation: Decider<Reservation, ReservationCommand, ReservationEvent> = {
  category: 'reservation',
  commands: reservationCommands,
  events: reservationEvents,
  refusals: {
    'reservation-reserved': "The order's stock is reserved: it is not rejected any more.",
    'reservation-rejected': "The order's reservation was rejected: it is not reserved any more.",
    'reservation-cancelled': "The order's reservation was cancelled: it is neither reserved nor rejected any more.",
    'reservation-shipped':
      'What was reserved for the order has left: its reservation is not made again, and not rejected.',
    'stock-not-reserved': 'So much of the product is not reserved: it is neither released nor shipped.',
  },
  initial: { status: 'none' },
  evolve,
  decide(state, command, { id: orderId }): Decision<ReservationEvent> {
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
        if (status === 'none') return refuse('stock-not-reserved', `nothing is reserved for ${orderId}`)
        return status === 'reserved'
          ? [{ type: 'StockReservationShipped', data: { orderId, lines: [...state.lines] } }]
          : refused
    }
  },
}
