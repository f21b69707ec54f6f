import { describe, it } from 'node:test'
import type { DomainEvent } from 'tidemark'
import { react } from 'tidemark/testing'
import { cancelled, placed } from '../../test/support/orders.ts'
import { orderFulfilment } from './fulfilment-process.ts'
import { ordering } from './service.ts'

const orderId = '1'
const amount = { currency: 'EUR', amount: 2150 }
const lines = [{ sku: 'tea', quantity: 2 }]
const fulfilments = react(ordering, orderFulfilment)

const paid = (answer: string, reason?: string) => ({ type: 'PaymentAnswered', data: { orderId, answer, reason } })
const shipped = (answer: string, reason?: string) => ({ type: 'ShipmentAnswered', data: { orderId, answer, reason } })

describe('the inputs of a fulfilment', () => {
  // The order is not known yet, so nothing follows.
  for (const [stream, said, heard] of [
    ['payment-1', { type: 'PaymentAuthorised', data: { orderId, amount } }, paid('authorised')],
    ['payment-1', { type: 'PaymentDeclined', data: { orderId, reason: 'no money' } }, paid('declined', 'no money')],
    ['payment-1', { type: 'PaymentCaptured', data: { orderId, amount } }, paid('captured')],
    ['payment-1', { type: 'PaymentVoided', data: { orderId } }, paid('voided')],
    ['payment-1', { type: 'PaymentRefunded', data: { orderId, amount } }, paid('refunded')],
    ['payment-1', { type: 'PaymentExpired', data: { orderId, amount } }, paid('expired')],
    ['shipment-1', { type: 'ShipmentPrepared', data: { orderId, lines } }, shipped('prepared')],
    ['shipment-1', { type: 'ShipmentDispatched', data: { orderId, lines } }, shipped('dispatched')],
    ['shipment-1', { type: 'ShipmentDelivered', data: { orderId, lines } }, shipped('delivered')],
    ['shipment-1', { type: 'ShipmentCancelled', data: { orderId, reason: 'lost' } }, shipped('cancelled', 'lost')],
    ['shipment-1', { type: 'ShipmentRecalled', data: { orderId, reason: 'late' } }, shipped('recalled', 'late')],
    ['shipment-1', { type: 'ShipmentReturned', data: { orderId, lines } }, shipped('returned')],
  ] as const satisfies readonly (readonly [string, DomainEvent, DomainEvent])[])
    it(`${said.type} is recorded once, with its reason if it has one`, () =>
      fulfilments
        .when({ [stream]: [said] })
        .deliveredTwice()
        .then({ 'fulfilment-1': [heard] }))
})

describe('the output of a fulfilment', () => {
  const reserved = { type: 'StockReserved', data: { orderId, lines } }
  const waiting = fulfilments.given({ 'order-1': [placed], 'reservation-1': [reserved] })
  const expired = { type: 'PaymentExpired', data: { orderId, amount } }

  it('schedules no command: the payment watches its own deadline', async () => {
    await waiting.after(9_999_999).thenNothing()
    await waiting.after(9_999_999).thenScheduled([])
  })

  it('cancels an order once if its payment expired, even if that is delivered twice', () => {
    const { lines: orderLines, total } = placed.data
    return waiting
      .when({ 'payment-1': [expired] })
      .deliveredTwice()
      .then({
        'order-1': [{ ...cancelled, data: { orderId, reason: 'not paid in time', lines: [...orderLines], total } }],
        'fulfilment-1': [
          paid('expired'),
          { type: 'FulfilmentFailed', data: { orderId, cause: 'payment', reason: 'not paid in time' } },
          {
            type: 'StockReleaseRequested',
            data: { orderId, lines: orderLines.map(({ sku, quantity }) => ({ sku, quantity })) },
          },
          { type: 'CancellationNoted', data: { orderId, reason: 'not paid in time' } },
        ],
      })
  })
})
