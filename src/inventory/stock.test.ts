import { describe, it } from 'node:test'
import { deciding } from '../../test/support/given.ts'
import { stock } from './stock.ts'

const given = deciding(stock, 'tea')
const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 5 } } as const
const reserved = { type: 'UnitsReserved', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
const released = { type: 'UnitsReleased', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
const shipped = { type: 'UnitsShipped', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
const a = { orderId: 'a', quantity: 3 }
const reserve = (orderId: string, quantity: number) => ({ type: 'reserve', data: { orderId, quantity } }) as const
const adjust = (change: number) => ({ type: 'adjust', data: { change, reason: 'counted' } }) as const

describe('stock', () => {
  it('declines an order for more than is left, and records it', () =>
    given(received, reserved)
      .when(reserve('b', 3))
      .decides({ type: 'UnitsDeclined', data: { sku: 'tea', orderId: 'b', requested: 3, available: 2 } }))
  it('declines a product that never had stock', () =>
    given()
      .when(reserve('b', 1))
      .decides({ type: 'UnitsDeclined', data: { sku: 'tea', orderId: 'b', requested: 1, available: 0 } }))
  it('reserves down to the last unit', () =>
    given(received, reserved)
      .when(reserve('b', 2))
      .decides({ type: 'UnitsReserved', data: { sku: 'tea', orderId: 'b', quantity: 2 } }))

  it('is not adjusted below what is reserved', () =>
    given(received, reserved).when(adjust(-3)).refused('stock-reserved'))
  it('is adjusted down to what is reserved', () =>
    given(received, reserved)
      .when(adjust(-2))
      .decides({ type: 'StockAdjusted', data: { sku: 'tea', change: -2, reason: 'counted' } }))
  it('ignores an adjustment by zero', () => given(received).when(adjust(0)).decides())

  it('releases and ships no more than is reserved for all orders', () => {
    for (const type of ['release', 'ship'] as const) {
      given(received).when({ type, data: a }).refused('stock-not-reserved')
      given(received, reserved)
        .when({ type, data: { ...a, quantity: 4 } })
        .refused('stock-not-reserved')
      given(received, reserved, released).when({ type, data: a }).refused('stock-not-reserved')
      given(received, reserved, shipped).when({ type, data: a }).refused('stock-not-reserved')
    }
  })
  it('releases reserved units, which can be sold again', () => {
    given(received, reserved).when({ type: 'release', data: a }).decides(released)
    given(received, reserved, released)
      .when(reserve('b', 5))
      .decides({ type: 'UnitsReserved', data: { sku: 'tea', orderId: 'b', quantity: 5 } })
  })
  it('ships reserved units, which are then gone', () => {
    given(received, reserved).when({ type: 'ship', data: a }).decides(shipped)
    given(received, reserved, shipped)
      .when(reserve('b', 3))
      .decides({
        type: 'UnitsDeclined',
        data: { sku: 'tea', orderId: 'b', requested: 3, available: 2 },
      })
  })
  it('sells returned units again', () => {
    const returned = { type: 'UnitsReturned', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
    given(received, reserved, shipped)
      .when({ type: 'restock', data: { orderId: 'a', quantity: 3 } })
      .decides(returned)
    given(received, reserved, shipped, returned)
      .when(reserve('b', 5))
      .decides({ type: 'UnitsReserved', data: { sku: 'tea', orderId: 'b', quantity: 5 } })
  })
  it('is received', () =>
    given()
      .when({ type: 'receive', data: { quantity: 5 } })
      .decides(received))
})
