import type { AnyDecider } from 'tidemark/tools'
import type { StockEvent } from '../../src/inventory/events.ts'
import { stock } from '../../src/inventory/stock.ts'

interface StockWithReservations {
  readonly onHand: number
  readonly reserved: number
  /** Reserved units by order. */
  readonly reservations: Readonly<Record<string, number>>
}

const initial: StockWithReservations = { onHand: 0, reserved: 0, reservations: {} }

/** The baseline: stock before it had only counts. Each event copies all open reservations. */
function evolve(stock: StockWithReservations, event: StockEvent): StockWithReservations {
  switch (event.type) {
    case 'StockReceived':
    case 'UnitsReturned':
      return { ...stock, onHand: stock.onHand + event.data.quantity }
    case 'StockAdjusted':
      return { ...stock, onHand: stock.onHand + event.data.change }
    case 'UnitsReserved': {
      const { orderId, quantity } = event.data
      return {
        ...stock,
        reserved: stock.reserved + quantity,
        reservations: { ...stock.reservations, [orderId]: quantity },
      }
    }
    case 'UnitsDeclined':
      return stock
    case 'UnitsReleased':
    case 'UnitsShipped': {
      const { [event.data.orderId]: _, ...reservations } = stock.reservations
      const onHand = stock.onHand - (event.type === 'UnitsShipped' ? event.data.quantity : 0)
      return { onHand, reserved: stock.reserved - event.data.quantity, reservations }
    }
  }
}

/** Only the fold differs. Its decisions are today's. */
export const stockWithReservations: AnyDecider = { ...stock, initial, evolve }
