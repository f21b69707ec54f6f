import { describe, it } from 'node:test'
import { deciding } from '../../test/support/given.ts'
import { address, cancelled, keptAddress, place, placeBody, placed, rejected } from '../../test/support/orders.ts'
import { order } from './order.ts'

const given = deciding(order)
const moved = { ...address, city: 'Bruges' }
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } } as const
const completed = { type: 'OrderCompleted', data: { orderId: '1' } } as const
const complete = { type: 'complete', data: {} } as const
const reject = { type: 'reject', data: { reason: 'none left' } } as const

describe('order', () => {
  it('is placed with its lines in SKU order and its total in minor units', () => given().when(place).decides(placed))
  it('is placed once', () => given(placed).when(place).refused('order-already-placed'))
  it('has each SKU in one line only', () =>
    given()
      .when({
        type: 'place',
        data: { ...placeBody, lines: [...placeBody.lines, { sku: 'tea', quantity: 1, unitPrice: 450 }] },
      })
      .refused('order-sku-repeated'))

  it('accepts a new address while it is placed', () =>
    given(placed)
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .decides({
        type: 'ShippingAddressChanged',
        data: { orderId: '1', shippingAddress: { ...keptAddress, city: 'Bruges' } },
      }))
  it('ignores a change to the address it already has', () =>
    given(placed)
      .when({ type: 'change-shipping-address', data: { shippingAddress: address } })
      .decides())
  it('keeps its address once it is confirmed', () =>
    given(placed, confirmed)
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .refused('order-confirmed'))
  it('keeps its address once it is cancelled', () =>
    given(placed, cancelled)
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .refused('order-cancelled'))

  it('is cancelled with the lines it had', () =>
    given(placed)
      .when({ type: 'cancel', data: { reason: 'late' } })
      .decides(cancelled))
  it('can be cancelled after it is confirmed', () =>
    given(placed, confirmed)
      .when({ type: 'cancel', data: { reason: 'late' } })
      .decides(cancelled))
  it('is not cancelled once it is rejected', () =>
    given(placed, rejected)
      .when({ type: 'cancel', data: { reason: 'late' } })
      .refused('order-rejected'))
  it('is completed once, and only if it is confirmed', () => {
    given(placed, confirmed).when(complete).decides(completed)
    given(placed, confirmed, completed).when(complete).decides()
    given(placed).when(complete).refused('order-placed')
    given(placed, rejected).when(complete).refused('order-rejected')
    given(placed, confirmed, cancelled).when(complete).refused('order-cancelled')
  })
  it('is neither cancelled nor rejected once it is completed', () => {
    given(placed, confirmed, completed)
      .when({ type: 'cancel', data: { reason: 'late' } })
      .refused('order-completed')
    given(placed, confirmed, completed).when(reject).refused('order-completed')
  })
  it('ignores a second cancellation', () =>
    given(placed, cancelled)
      .when({ type: 'cancel', data: { reason: 'again' } })
      .decides())

  it('is confirmed', () => given(placed).when({ type: 'confirm', data: {} }).decides(confirmed))
  it('ignores a second confirmation', () => given(placed, confirmed).when({ type: 'confirm', data: {} }).decides())
  it('is not confirmed once it is cancelled', () =>
    given(placed, cancelled).when({ type: 'confirm', data: {} }).refused('order-cancelled'))
  it('is not confirmed once it is rejected', () =>
    given(placed, rejected).when({ type: 'confirm', data: {} }).refused('order-rejected'))

  it('is rejected with the lines it had', () => given(placed).when(reject).decides(rejected))
  it('ignores a second rejection', () => given(placed, rejected).when(reject).decides())
  it('is not rejected once it is confirmed', () => given(placed, confirmed).when(reject).refused('order-confirmed'))
  it('is not rejected once it is cancelled', () => given(placed, cancelled).when(reject).refused('order-cancelled'))
  it('keeps its address once it is rejected', () =>
    given(placed, rejected)
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .refused('order-rejected'))
})
