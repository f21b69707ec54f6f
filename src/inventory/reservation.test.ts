import { describe, it } from 'node:test'
import { deciding } from '../../test/support/given.ts'
import { reservation } from './reservation.ts'

const given = deciding(reservation)
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
    given(cancelledFirst).when(reserve).refused('reservation-cancelled')
    given(cancelledFirst).when(reject).refused('reservation-cancelled')
  })
  it('has one outcome', () => {
    given(reserved).when(reject).refused('reservation-reserved')
    given(rejected).when(reserve).refused('reservation-rejected')
    given(reserved).when(reserve).decides()
    given(rejected).when(reject).decides()
  })
  it('is not shipped if nothing is reserved or the units were released', () => {
    given().when(ship).refused('stream-not-found')
    given(rejected).when(ship).refused('reservation-rejected')
    given(cancelledFirst).when(ship).refused('reservation-cancelled')
    given(reserved, cancelled).when(ship).refused('reservation-cancelled')
  })
  it('has nothing to cancel once it is shipped, rejected or cancelled', () => {
    for (const events of [[reserved, shipped], [rejected], [cancelledFirst], [reserved, cancelled]])
      given(...events)
        .when(cancel)
        .decides()
  })
  it('is cancelled with the units to release: none if it was not made yet', () => {
    given().when(cancel).decides(cancelledFirst)
    given(reserved).when(cancel).decides(cancelled)
  })
  it('is shipped once, with the units that leave', () => {
    given(reserved).when(ship).decides(shipped)
    given(reserved, shipped).when(ship).decides()
  })
  it('is made, or rejected with the product that is short', () => {
    given().when(reserve).decides(reserved)
    given().when(reject).decides(rejected)
  })
})
