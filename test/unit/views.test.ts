import { describe, it } from 'node:test'
import { moment, project } from 'tidemark/testing'
import { inventory } from '../../src/inventory/service.ts'
import { stockLevel } from '../../src/inventory/stock-level.ts'
import { paymentTotals } from '../../src/payments/payment-totals.ts'
import { paymentView } from '../../src/payments/payment-view.ts'
import { payments } from '../../src/payments/service.ts'
import { shipping } from '../../src/shipping/service.ts'
import { shipmentView } from '../../src/shipping/shipment-view.ts'
import { address } from '../support/orders.ts'

const euros = (amount: number) => ({ currency: 'EUR', amount })
const lines = [{ sku: 'tea', quantity: 2 }]

describe('the view of a payment', () => {
  const asked = { orderId: '1', amount: euros(900), method: 'transfer', due: moment(900) } as const
  const opened = { type: 'PaymentOpened', data: asked } as const
  const authorised = { type: 'PaymentAuthorised', data: { orderId: '1', amount: euros(900), reference: 'r1' } } as const
  const captured = { type: 'PaymentCaptured', data: { orderId: '1', amount: euros(800) } } as const
  const refunded = (amount: number, reason: string) =>
    ({ type: 'PaymentRefunded', data: { orderId: '1', amount: euros(amount), reason } }) as const
  const paid = { ...asked, reference: 'r1', captured: 800, openedAt: moment(0) }

  it('adds up refunds, and is refunded once all is returned', async () => {
    const inPart = project(payments, paymentView).given([opened, authorised, captured, refunded(300, 'broken')])
    await inPart
      .deliveredTwice()
      .outOfOrder()
      .then({ ...paid, status: 'captured', refunded: 300, reason: 'broken', updatedAt: moment(3) })
    await inPart
      .given([refunded(500, 'lost')])
      .deliveredTwice()
      .outOfOrder()
      .then({ ...paid, status: 'refunded', refunded: 800, reason: 'lost', updatedAt: moment(4) })
  })

  it('is expired after its deadline, and shows the deadline', () =>
    project(payments, paymentView)
      .given([opened, { type: 'PaymentExpired', data: { orderId: '1', amount: euros(900) } }])
      .deliveredTwice()
      .outOfOrder()
      .then({
        ...asked,
        status: 'expired',
        captured: 0,
        refunded: 0,
        openedAt: moment(0),
        updatedAt: moment(1),
      }))

  it('does not exist for a payment that was not requested', () =>
    project(payments, paymentView).given([captured]).thenNone('payment-1'))

  it('adds no money to the totals that was only requested', () =>
    project(payments, paymentTotals).given([opened]).thenNone('EUR'))

  it('counts each payment once in the totals, in any order of streams', () => {
    const nothing = { count: 0, amount: 0 }
    return project(payments, paymentTotals)
      .given({
        'payment-1': [opened, authorised, captured, refunded(300, 'broken')],
        'payment-2': [opened, authorised],
      })
      .deliveredTwice()
      .outOfOrder()
      .thenAll({
        EUR: {
          currency: 'EUR',
          authorised: { count: 2, amount: 1800 },
          declined: nothing,
          voided: nothing,
          captured: { count: 1, amount: 800 },
          refunded: { count: 1, amount: 300 },
          expired: nothing,
        },
      })
  })
})

describe('the view of a shipment', () => {
  const prepared = { type: 'ShipmentPrepared', data: { orderId: '1', lines, address } } as const
  const dispatched = { type: 'ShipmentDispatched', data: { orderId: '1', lines, carrier: 'post' } } as const
  const recalled = { type: 'ShipmentRecalled', data: { orderId: '1', reason: 'cancelled' } } as const
  const returned = { type: 'ShipmentReturned', data: { orderId: '1', lines } } as const

  it('keeps the carrier and the reason of a recall after the return', () =>
    project(shipping, shipmentView)
      .given([prepared, dispatched, recalled, returned])
      .deliveredTwice()
      .outOfOrder()
      .then({
        ...{ orderId: '1', status: 'returned', lines, address, carrier: 'post', reason: 'cancelled' },
        ...{ preparedAt: moment(0), updatedAt: moment(3) },
      }))
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
