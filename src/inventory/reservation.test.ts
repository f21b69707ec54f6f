import { describe, it } from 'node:test'
import { given } from 'tidemark/testing'
import { reservation } from './reservation.ts'

const lines = [{ sku: 'tea', quantity: 2 }]
const shortage = { sku: 'tea', requested: 2, available: 1 }
const reserve = { type: 'reserve', data: { lines } } as const
const reject = { type: 'reject', data: shortage } as const
const cancel = { type: 'cancel', data: {} } as const
const reserved = { type: 'StockReserved', data: { orderId: '1', lines } } as const
const rejected = { type: 'StockReservationRejected', data: { orderId: '1', ...shortage } } as const
const ship = { type: 'ship', data: {} } as const
const cancelledFirst = {
  type: 'StockReservationCancelled',
  data: { orderId: '1', lines: [] as { sku: string; quantity: number }[] },
} as const
const cancelled = { type: 'StockReservationCancelled', data: { orderId: '1', lines } } as const
const shipped = { type: 'StockReservationShipped', data: { orderId: '1', lines } } as const

describe('reservation', () => {
  it('is not made for an order that is already cancelled', () => {
    given(reservation, [cancelledFirst]).when(reserve).thenRefused('reservation-cancelled')
    given(reservation, [cancelledFirst]).when(reject).thenRefused('reservation-cancelled')
  })
  it('has one outcome', () => {
    given(reservation, [reserved]).when(reject).thenRefused('reservation-reserved')
    given(reservation, [rejected]).when(reserve).thenRefused('reservation-rejected')
    given(reservation, [reserved]).when(reserve).thenNothing()
    given(reservation, [rejected]).when(reject).thenNothing()
  })
  it('is not shipped if nothing is reserved or the units were released', () => {
    given(reservation).when(ship).thenRefused('stream-not-found')
    given(reservation, [rejected]).when(ship).thenRefused('reservation-rejected')
    given(reservation, [cancelledFirst]).when(ship).thenRefused('reservation-cancelled')
    given(reservation, [reserved, cancelled]).when(ship).thenRefused('reservation-cancelled')
  })
  it('has nothing to cancel once it is shipped, rejected or cancelled', () => {
    for (const events of [[reserved, shipped], [rejected], [cancelledFirst], [reserved, cancelled]])
      given(reservation, events).when(cancel).thenNothing()
  })
  it('is cancelled with the units to release: none if it was not made yet', () => {
    given(reservation).when(cancel).then([cancelledFirst])
    given(reservation, [reserved]).when(cancel).then([cancelled])
  })
  it('is shipped once, with the units that leave', () => {
    given(reservation, [reserved]).when(ship).then([shipped])
    given(reservation, [reserved, shipped]).when(ship).thenNothing()
  })
  it('is made, or rejected with the product that is short', () => {
    given(reservation).when(reserve).then([reserved])
    given(reservation).when(reject).then([rejected])
  })
})
