import * as z from 'zod'
import { type CommandOf, commandType, type Decider, refuse } from '../../core/decider.ts'
import { reservedLines, shortage } from './contract.ts'
import { type ReservationEvent, reservationEvents } from './events.ts'

const reservationCommands = [
  commandType('reserve', z.strictObject({ lines: reservedLines }), { creates: true }),
  commandType('reject', shortage.strict(), { creates: true }),
  // Creates: an order's stock may be let go before anything of it was reserved.
  commandType('cancel', z.strictObject({}), { creates: true }),
] as const

export type ReservationCommand = CommandOf<(typeof reservationCommands)[number]>

interface Reservation {
  readonly status: 'none' | 'reserved' | 'rejected' | 'cancelled'
}

/** What became of an order's reservation, decided once: reserved or rejected, and cancelled with its order. */
export const reservation: Decider<Reservation, ReservationCommand, ReservationEvent> = {
  category: 'reservation',
  commands: reservationCommands,
  events: reservationEvents,
  initial: { status: 'none' },
  evolve(_, event) {
    switch (event.type) {
      case 'StockReserved':
        return { status: 'reserved' }
      case 'StockReservationRejected':
        return { status: 'rejected' }
      case 'StockReservationCancelled':
        return { status: 'cancelled' }
    }
  },
  decide({ status }, command, { id: orderId }) {
    switch (command.type) {
      case 'reserve':
        if (status === 'reserved') return []
        if (status !== 'none') return refuse(`reservation-${status}`, `the reservation is ${status}`)
        return [{ type: 'StockReserved', data: { orderId, ...command.data } }]
      case 'reject':
        if (status === 'rejected') return []
        if (status !== 'none') return refuse(`reservation-${status}`, `the reservation is ${status}`)
        return [{ type: 'StockReservationRejected', data: { orderId, ...command.data } }]
      case 'cancel':
        return status === 'cancelled' || status === 'rejected'
          ? []
          : [{ type: 'StockReservationCancelled', data: { orderId } }]
    }
  },
}
