import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { disagreements } from '../../cli/demo/disagreements.ts'
import { foldRawLog, type RawItem } from '../../cli/demo/raw-fold.ts'
import { foldRawStock } from '../../cli/demo/raw-stock.ts'
import { cancelled, placedV1 } from '../support/orders.ts'
import { recorded } from '../support/recorded.ts'

const sku = 'tea'
const received = { type: 'StockReceived', data: { sku, quantity: 3 } }
const reserved = (orderId: string, quantity = 2) => ({ type: 'UnitsReserved', data: { sku, orderId, quantity } })
const released = (orderId: string) => ({ type: 'UnitsReleased', data: { sku, orderId, quantity: 2 } })
const declined = { type: 'UnitsDeclined', data: { sku, orderId: '2', quantity: 2, available: 1 } }
const stock = (...events: Parameters<typeof recorded>[1][]): RawItem[] => recorded('stock-tea', ...events)

const oneLine = { ...placedV1, data: { ...placedV1.data, lines: [{ sku, quantity: 2, unitPrice: 1 }] } }
const order = (...events: Parameters<typeof recorded>[1][]) => foldRawLog(recorded('order-1', ...events)).orders
const outcome = (type: string): RawItem[] => recorded('reservation-1', { type, data: { orderId: '1' } })
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

describe("the demo's check of stock", () => {
  for (const [what, events, fault] of [
    ['more reserved than there is', [received, reserved('1'), reserved('2')], /stock-tea@3: oversold by 1/],
    ['an order that is answered twice', [received, reserved('1', 1), reserved('1', 1)], /order 1 was answered before/],
    ['a decline although there was enough', [received, declined], /declined, but there was enough/],
    [
      'more released than reserved',
      [received, reserved('1'), released('1'), released('1')],
      /more was released or shipped/,
    ],
  ] as const)
    it(`finds ${what}`, () => assert.match(foldRawStock(stock(...events)).faults.join(), fault))

  for (const [what, orders, items, found] of [
    ['an undecided order', order(oneLine), [], /order 1 is undecided/],
    [
      'a confirmed order without its stock',
      order(oneLine, confirmed),
      outcome('StockReserved'),
      /has 0 of tea reserved/,
    ],
    [
      'a confirmed order without a reservation',
      order(oneLine, confirmed),
      stock(received, reserved('1')),
      /its reservation undefined/,
    ],
    [
      'stock that a cancelled order kept',
      order(oneLine, cancelled),
      [...stock(received, reserved('1')), ...outcome('StockReservationCancelled')],
      /order 1 is cancelled, and has 2 of tea reserved/,
    ],
    [
      'stock of an order that is not there',
      order(),
      stock(received, reserved('1')),
      /reserved for 1, which is no order/,
    ],
  ] as const)
    it(`finds ${what}`, () => assert.match(disagreements({ orders, stock: foldRawStock(items) }).join(), found))

  it('finds nothing where both agree', () => {
    const fold = foldRawStock([
      ...stock(received, reserved('1'), declined, released('1')),
      ...outcome('StockReservationCancelled'),
    ])
    assert.deepEqual(
      [
        ...fold.faults,
        ...disagreements({ orders: order(oneLine, cancelled), stock: fold }).filter(
          (line) => !line.includes('2, which'),
        ),
      ],
      [],
    )
  })
})
