import { describe, it } from 'node:test'
import { moment, project } from 'tidemark/testing'
import { address, placed as placedOnce } from '../../test/support/orders.ts'
import { orderTrail } from './order-trail.ts'
import { customers } from './service.ts'

const shippingAddress = { ...address, name: '-', street: '-' } as const
const placed = { type: 'OrderPlaced', data: { ...placedOnce.data, shippingAddress } } as const
const { customerId, total } = placed.data
const { currency } = total
const lines = placed.data.lines.map(({ sku, quantity }) => ({ sku, quantity }))
const refunded = (amount: number) =>
  ({ type: 'PaymentRefunded', data: { orderId: '1', amount: { currency, amount } } }) as const

describe('the trail of an order', () => {
  it('has what ordering, payments and shipping have published of it, in any order', () =>
    project(customers, orderTrail)
      .given({
        'ordering/order-1': [
          placed,
          { type: 'OrderConfirmed', data: { orderId: '1' } },
          { type: 'OrderCompleted', data: { orderId: '1' } },
        ],
        'payments/payment-1': [
          { type: 'PaymentAuthorised', data: { orderId: '1', amount: total } },
          { type: 'PaymentCaptured', data: { orderId: '1', amount: total } },
          refunded(2),
          refunded(3),
        ],
        'shipping/shipment-1': [
          { type: 'ShipmentPrepared', data: { orderId: '1', lines } },
          { type: 'ShipmentDelivered', data: { orderId: '1', lines } },
        ],
        'payments/payment-2': [{ type: 'PaymentDeclined', data: { orderId: '2', reason: 'no funds' } }],
      })
      .deliveredTwice()
      .outOfOrder()
      .thenAll({
        1: {
          ...{ orderId: '1', customerId, total, status: 'completed', placedAt: moment(0) },
          payment: { status: 'refunded', amount: total, refunded: { currency, amount: 5 } },
          parcel: { status: 'delivered' },
        },
        2: { orderId: '2', payment: { status: 'declined' } },
      }))
})
