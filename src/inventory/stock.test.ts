import { describe, it } from 'node:test'
import { given, moment, project } from 'tidemark/testing'
import { inventory } from './service.ts'
import { stock } from './stock.ts'
import { stockLevel } from './stock-level.ts'

const tea = { id: 'tea' }
const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 5 } } as const
const reserved = { type: 'UnitsReserved', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
const released = { type: 'UnitsReleased', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
const shipped = { type: 'UnitsShipped', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
const a = { orderId: 'a', quantity: 3 }
const reserve = (orderId: string, quantity: number) => ({ type: 'reserve', data: { orderId, quantity } }) as const
const adjust = (change: number) => ({ type: 'adjust', data: { change, reason: 'counted' } }) as const

describe('stock', () => {
  it('declines an order for more than is left, and records it', () =>
    given(stock, [received, reserved])
      .when(reserve('b', 3), tea)
      .then([{ type: 'UnitsDeclined', data: { sku: 'tea', orderId: 'b', requested: 3, available: 2 } }]))
  it('declines a product that never had stock', () =>
    given(stock)
      .when(reserve('b', 1), tea)
      .then([{ type: 'UnitsDeclined', data: { sku: 'tea', orderId: 'b', requested: 1, available: 0 } }]))
  it('reserves down to the last unit', () =>
    given(stock, [received, reserved])
      .when(reserve('b', 2), tea)
      .then([{ type: 'UnitsReserved', data: { sku: 'tea', orderId: 'b', quantity: 2 } }]))

  it('is not adjusted below what is reserved', () =>
    given(stock, [received, reserved]).when(adjust(-3), tea).thenRefused('stock-reserved'))
  it('is adjusted down to what is reserved', () =>
    given(stock, [received, reserved])
      .when(adjust(-2), tea)
      .then([{ type: 'StockAdjusted', data: { sku: 'tea', change: -2, reason: 'counted' } }]))
  it('ignores an adjustment by zero', () => given(stock, [received]).when(adjust(0), tea).thenNothing())

  it('releases and ships no more than is reserved for all orders', () => {
    for (const type of ['release', 'ship'] as const) {
      given(stock, [received]).when({ type, data: a }, tea).thenRefused('stock-not-reserved')
      given(stock, [received, reserved])
        .when({ type, data: { ...a, quantity: 4 } }, tea)
        .thenRefused('stock-not-reserved')
      given(stock, [received, reserved, released]).when({ type, data: a }, tea).thenRefused('stock-not-reserved')
      given(stock, [received, reserved, shipped]).when({ type, data: a }, tea).thenRefused('stock-not-reserved')
    }
  })
  it('releases reserved units, which can be sold again', () => {
    given(stock, [received, reserved]).when({ type: 'release', data: a }, tea).then([released])
    given(stock, [received, reserved, released])
      .when(reserve('b', 5), tea)
      .then([{ type: 'UnitsReserved', data: { sku: 'tea', orderId: 'b', quantity: 5 } }])
  })
  it('ships reserved units, which are then gone', () => {
    given(stock, [received, reserved]).when({ type: 'ship', data: a }, tea).then([shipped])
    given(stock, [received, reserved, shipped])
      .when(reserve('b', 3), tea)
      .then([
        {
          type: 'UnitsDeclined',
          data: { sku: 'tea', orderId: 'b', requested: 3, available: 2 },
        },
      ])
  })
  it('sells returned units again', () => {
    const returned = { type: 'UnitsReturned', data: { sku: 'tea', orderId: 'a', quantity: 3 } } as const
    given(stock, [received, reserved, shipped])
      .when({ type: 'restock', data: { orderId: 'a', quantity: 3 } }, tea)
      .then([returned])
    given(stock, [received, reserved, shipped, returned])
      .when(reserve('b', 5), tea)
      .then([{ type: 'UnitsReserved', data: { sku: 'tea', orderId: 'b', quantity: 5 } }])
  })
  it('is received', () =>
    given(stock)
      .when({ type: 'receive', data: { quantity: 5 } }, tea)
      .then([received]))
})

describe('the view of a stock', () => {
  const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 5 } } as const
  const units = { sku: 'tea', orderId: '1', quantity: 2 }

  it('shows shipped and returned units', async () => {
    const shipped = project(inventory, stockLevel).given({
      'stock-tea': [received, { type: 'UnitsReserved', data: units }, { type: 'UnitsShipped', data: units }],
    })
    const after = { sku: 'tea', status: 'in-stock', reserved: 0, declined: 0, shipped: 2 } as const
    await shipped.deliveredTwice().then({ ...after, onHand: 3, available: 3, returned: 0, updatedAt: moment(2) })
    await shipped
      .given({ 'stock-tea': [{ type: 'UnitsReturned', data: units }] })
      .deliveredTwice()
      .outOfOrder()
      .then('stock-tea', { ...after, onHand: 5, available: 5, returned: 2, updatedAt: moment(3) })
    const other = { ...units, orderId: '2', quantity: 1 }
    await shipped
      .given({
        'stock-tea': [
          { type: 'UnitsReturned', data: units },
          { type: 'UnitsReserved', data: other },
          { type: 'UnitsShipped', data: other },
          { type: 'UnitsReturned', data: other },
        ],
      })
      .deliveredTwice()
      .then({ ...after, onHand: 5, available: 5, shipped: 3, returned: 3, updatedAt: moment(6) })
  })
})
