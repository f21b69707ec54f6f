import { describe, it } from 'node:test'
import { order } from '../../../src/services/ordering/order.ts'
import { deciding } from '../../support/given.ts'
import { address, cancelled, place, placeBody, placed } from '../../support/orders.ts'

const given = deciding(order)
const moved = { ...address, city: 'Bruges' }
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } } as const

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

  it('takes a new address while it is placed', () =>
    given(placed)
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .decides({ type: 'ShippingAddressChanged', data: { orderId: '1', shippingAddress: moved } }))
  it('has nothing to do for the address it has', () =>
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
  it('is not cancelled once it is confirmed', () =>
    given(placed, confirmed)
      .when({ type: 'cancel', data: { reason: 'late' } })
      .refused('order-confirmed'))
  it('has nothing to do for a second cancellation', () =>
    given(placed, cancelled)
      .when({ type: 'cancel', data: { reason: 'again' } })
      .decides())

  it('is confirmed', () => given(placed).when({ type: 'confirm', data: {} }).decides(confirmed))
  it('has nothing to do for a second confirmation', () =>
    given(placed, confirmed).when({ type: 'confirm', data: {} }).decides())
  it('is not confirmed once it is cancelled', () =>
    given(placed, cancelled).when({ type: 'confirm', data: {} }).refused('order-cancelled'))
})
