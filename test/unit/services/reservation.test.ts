import { describe, it } from 'node:test'
import { reservation } from '../../../src/services/inventory/reservation.ts'
import { deciding } from '../../support/given.ts'

const given = deciding(reservation)
const lines = [{ sku: 'tea', quantity: 2 }]
const shortage = { sku: 'tea', requested: 2, available: 1 }
const reserve = { type: 'reserve', data: { lines } } as const
const reject = { type: 'reject', data: shortage } as const
const cancel = { type: 'cancel', data: {} } as const
const reserved = { type: 'StockReserved', data: { orderId: '1', lines } } as const
const rejected = { type: 'StockReservationRejected', data: { orderId: '1', ...shortage } } as const
const cancelled = { type: 'StockReservationCancelled', data: { orderId: '1' } } as const

describe('reservation', () => {
  it('is not made for an order that is cancelled already', () => {
    given(cancelled).when(reserve).refused('reservation-cancelled')
    given(cancelled).when(reject).refused('reservation-cancelled')
  })
  it('has one outcome', () => {
    given(reserved).when(reject).refused('reservation-reserved')
    given(rejected).when(reserve).refused('reservation-rejected')
    given(reserved).when(reserve).decides()
    given(rejected).when(reject).decides()
  })
  it('is cancelled before and after it is made; a rejected one has nothing to cancel', () => {
    given().when(cancel).decides(cancelled)
    given(reserved).when(cancel).decides(cancelled)
    given(rejected).when(cancel).decides()
    given(cancelled).when(cancel).decides()
  })
  it('is made, or rejected with what there is too little of', () => {
    given().when(reserve).decides(reserved)
    given().when(reject).decides(rejected)
  })
})
