import { canary, canaryView, published, type Service } from 'tidemark'
import { StockReservationRejected, StockReserved } from './contract.ts'
import { reservation } from './reservation.ts'
import { stock } from './stock.ts'
import { stockLevel } from './stock-level.ts'
import { stockRelease } from './stock-release.ts'
import { stockReservation } from './stock-reservation.ts'
import { stockShipment } from './stock-shipment.ts'

/** Counts the stock, reserves it for orders, and deducts what is shipped. */
export const inventory: Service = {
  name: 'inventory',
  deciders: [stock, reservation, canary],
  publishes: [published(StockReserved), published(StockReservationRejected)],
  views: [stockLevel, canaryView],
  reactions: [stockReservation, stockRelease, stockShipment],
  resources: [
    {
      path: 'stock',
      documents: { view: stockLevel, list: 'stock', one: 'stock-of-product' },
      commands: { decider: stock, offered: ['receive', 'adjust'] },
    },
  ],
}
