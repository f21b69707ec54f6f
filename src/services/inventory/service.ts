import { published, type Service } from '../../core/service.ts'
import { StockReservationRejected, StockReserved } from './contract.ts'
import { reservation } from './reservation.ts'
import { stock } from './stock.ts'
import { stockLevel } from './stock-level.ts'
import { stockReservation } from './stock-reservation.ts'

/** Knows what there is, and reserves it for orders. */
export const inventory: Service = {
  name: 'inventory',
  deciders: [stock, reservation],
  publishes: [published(StockReserved), published(StockReservationRejected)],
  views: [stockLevel],
  reactions: [stockReservation],
}
