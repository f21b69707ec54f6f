import { describe, it } from 'node:test'
import type { DomainEvent } from '../../../src/core/event.ts'
import { orderFulfilment } from '../../../src/services/ordering/fulfilment-process.ts'
import { ordering } from '../../../src/services/ordering/service.ts'
import { moment } from '../../../src/testing/moment.ts'
import { react } from '../../../src/testing/react.ts'
import { cancelled, placed } from '../../support/orders.ts'

const orderId = '1'
const amount = { currency: 'EUR', amount: 2150 }
const lines = [{ sku: 'tea', quantity: 2 }]
const fulfilments = react(ordering, orderFulfilment)

const paid = (answer: string, reason?: string) => ({ type: 'PaymentAnswered', data: { orderId, answer, reason } })
const shipped = (answer: string, reason?: string) => ({ type: 'ShipmentAnswered', data: { orderId, answer, reason } })

describe('what a fulfilment hears', () => {
  // Of an order that it does not know yet, so that nothing follows.
  for (const [stream, said, heard] of [
    ['payment-1', { type: 'PaymentAuthorised', data: { orderId, amount } }, paid('authorised')],
    ['payment-1', { type: 'PaymentDeclined', data: { orderId, reason: 'no money' } }, paid('declined', 'no money')],
    ['payment-1', { type: 'PaymentCaptured', data: { orderId, amount } }, paid('captured')],
    ['payment-1', { type: 'PaymentVoided', data: { orderId } }, paid('voided')],
    ['payment-1', { type: 'PaymentRefunded', data: { orderId, amount } }, paid('refunded')],
    ['shipment-1', { type: 'ShipmentPrepared', data: { orderId, lines } }, shipped('prepared')],
    ['shipment-1', { type: 'ShipmentDispatched', data: { orderId, lines } }, shipped('dispatched')],
    ['shipment-1', { type: 'ShipmentDelivered', data: { orderId, lines } }, shipped('delivered')],
    ['shipment-1', { type: 'ShipmentCancelled', data: { orderId, reason: 'lost' } }, shipped('cancelled', 'lost')],
    ['shipment-1', { type: 'ShipmentRecalled', data: { orderId, reason: 'late' } }, shipped('recalled', 'late')],
    ['shipment-1', { type: 'ShipmentReturned', data: { orderId, lines } }, shipped('returned')],
  ] as const satisfies readonly (readonly [string, DomainEvent, DomainEvent])[])
    it(`${said.type}, once, with the reason where it has one`, () =>
      fulfilments
        .when({ [stream]: [said] })
        .deliveredTwice()
        .then({ 'fulfilment-1': [heard] }))
})

describe('what follows from a fulfilment', () => {
  const reserved = { type: 'StockReserved', data: { orderId, lines } }
  const waiting = fulfilments.given({ 'order-1': [placed] }).when({ 'reservation-1': [reserved] })
  const seconds = placed.data.payment.withinSeconds
  const overdue = { stream: 'fulfilment-1', command: { type: 'payment-overdue', data: {} } }

  it('a deadline, from the moment that the payment is asked for, however often that is told', () =>
    waiting.deliveredTwice().thenScheduled([{ due: moment(seconds), ...overdue }]))

  it('nothing before it, and the end of an unpaid order at it', async () => {
    await waiting.after(seconds - 1).thenScheduled([{ due: moment(seconds), ...overdue }])
    const { lines: orderLines, total } = placed.data
    await fulfilments
      .given({ 'order-1': [placed], 'reservation-1': [reserved] })
      .after(seconds)
      .deliveredTwice()
      .then({
        'order-1': [{ ...cancelled, data: { orderId, reason: 'not paid in time', lines: [...orderLines], total } }],
        'fulfilment-1': [
          { type: 'PaymentOverdue', data: { orderId } },
          { type: 'FulfilmentFailed', data: { orderId, cause: 'payment', reason: 'not paid in time' } },
          { type: 'VoidRequested', data: { orderId, reason: 'not paid in time' } },
          {
            type: 'StockReleaseRequested',
            data: { orderId, lines: orderLines.map(({ sku, quantity }) => ({ sku, quantity })) },
          },
          { type: 'CancellationNoted', data: { orderId, reason: 'not paid in time' } },
        ],
      })
  })
})
