import { describe, it } from 'node:test'
import { given } from 'tidemark/testing'
import { address, cancelled, keptAddress, place, placeBody, placed, rejected } from '../../test/support/orders.ts'
import { order } from './order.ts'

const moved = { ...address, city: 'Bruges' }
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } } as const
const completed = { type: 'OrderCompleted', data: { orderId: '1' } } as const
const complete = { type: 'complete', data: {} } as const
const reject = { type: 'reject', data: { reason: 'none left' } } as const

describe('order', () => {
  it('is placed with its lines in SKU order and its total in minor units', () =>
    given(order).when(place).then([placed]))
  it('is placed once', () => given(order, [placed]).when(place).thenRefused('order-already-placed'))
  it('has each SKU in one line only', () =>
    given(order)
      .when({
        type: 'place',
        data: { ...placeBody, lines: [...placeBody.lines, { sku: 'tea', quantity: 1, unitPrice: 450 }] },
      })
      .thenRefused('order-sku-repeated'))

  it('records the reference and the region that the customer wrote, and no postal code where there is none', () => {
    const { postalCode: _, ...inHongKong } = { ...address, country: 'HK', region: 'Kowloon' }
    const { postalCode: __, ...kept } = { ...keptAddress, country: 'HK', region: 'Kowloon' }
    given(order)
      .when({ type: 'place', data: { ...placeBody, reference: 'PO-4711', shippingAddress: inHongKong } })
      .then([{ ...placed, data: { ...placed.data, reference: 'PO-4711', shippingAddress: kept } }])
  })

  it('accepts a new address while it is placed', () =>
    given(order, [placed])
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .then([
        {
          type: 'ShippingAddressChanged',
          data: { orderId: '1', shippingAddress: { ...keptAddress, city: 'Bruges' } },
        },
      ]))
  it('ignores a change to the address it already has', () =>
    given(order, [placed])
      .when({ type: 'change-shipping-address', data: { shippingAddress: address } })
      .thenNothing())
  it('keeps its address once it is confirmed', () =>
    given(order, [placed, confirmed])
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .thenRefused('order-confirmed'))
  it('keeps its address once it is cancelled', () =>
    given(order, [placed, cancelled])
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .thenRefused('order-cancelled'))

  it('is cancelled with the lines it had', () =>
    given(order, [placed])
      .when({ type: 'cancel', data: { reason: 'late' } })
      .then([cancelled]))
  it('can be cancelled after it is confirmed', () =>
    given(order, [placed, confirmed])
      .when({ type: 'cancel', data: { reason: 'late' } })
      .then([cancelled]))
  it('is not cancelled once it is rejected', () =>
    given(order, [placed, rejected])
      .when({ type: 'cancel', data: { reason: 'late' } })
      .thenRefused('order-rejected'))
  it('is completed once, and only if it is confirmed', () => {
    given(order, [placed, confirmed]).when(complete).then([completed])
    given(order, [placed, confirmed, completed]).when(complete).thenNothing()
    given(order, [placed]).when(complete).thenRefused('order-placed')
    given(order, [placed, rejected]).when(complete).thenRefused('order-rejected')
    given(order, [placed, confirmed, cancelled]).when(complete).thenRefused('order-cancelled')
  })
  it('is neither cancelled nor rejected once it is completed', () => {
    given(order, [placed, confirmed, completed])
      .when({ type: 'cancel', data: { reason: 'late' } })
      .thenRefused('order-completed')
    given(order, [placed, confirmed, completed]).when(reject).thenRefused('order-completed')
  })
  it('ignores a second cancellation', () =>
    given(order, [placed, cancelled])
      .when({ type: 'cancel', data: { reason: 'again' } })
      .thenNothing())

  it('is confirmed', () => given(order, [placed]).when({ type: 'confirm', data: {} }).then([confirmed]))
  it('ignores a second confirmation', () =>
    given(order, [placed, confirmed]).when({ type: 'confirm', data: {} }).thenNothing())
  it('is not confirmed once it is cancelled', () =>
    given(order, [placed, cancelled]).when({ type: 'confirm', data: {} }).thenRefused('order-cancelled'))
  it('is not confirmed once it is rejected', () =>
    given(order, [placed, rejected]).when({ type: 'confirm', data: {} }).thenRefused('order-rejected'))

  it('is rejected with the lines it had', () => given(order, [placed]).when(reject).then([rejected]))
  it('ignores a second rejection', () => given(order, [placed, rejected]).when(reject).thenNothing())
  it('is not rejected once it is confirmed', () =>
    given(order, [placed, confirmed]).when(reject).thenRefused('order-confirmed'))
  it('is not rejected once it is cancelled', () =>
    given(order, [placed, cancelled]).when(reject).thenRefused('order-cancelled'))
  it('keeps its address once it is rejected', () =>
    given(order, [placed, rejected])
      .when({ type: 'change-shipping-address', data: { shippingAddress: moved } })
      .thenRefused('order-rejected'))
})
