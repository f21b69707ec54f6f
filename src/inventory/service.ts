import { canary, canaryView, published, type Service } from 'tidemark'
import { StockReservationRejected, StockReserved } from './contract.ts'
import { reservation } from './reservation.ts'
import { stock } from './stock.ts'
import { stockLevel } from './stock-level.ts'
import { stockRelease } from './stock-release.ts'
import { stockReservation } from './stock-reservation.ts'
import { stockShipment } from './stock-shipment.ts'

/** Knows what there is, reserves it for orders, and lets it go with their shipments. */
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
