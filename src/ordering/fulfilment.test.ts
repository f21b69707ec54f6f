import { describe, it } from 'node:test'
import { given, moment, project } from 'tidemark/testing'
import { address } from '../../test/support/orders.ts'
import { type FulfilmentCommand, fulfilment } from './fulfilment.ts'
import { fulfilmentView } from './fulfilment-view.ts'
import { ordering } from './service.ts'

const orderId = '1'
const lines = [{ sku: 'tea', quantity: 2 }]
const total = { currency: 'EUR', amount: 900 }
const orderSnapshot = { lines, total, address, payment: { method: 'transfer', withinSeconds: 60 } } as const

const started = { type: 'FulfilmentStarted', data: { orderId, ...orderSnapshot } } as const
const reserved = { type: 'StockAnswered', data: { orderId, answer: 'reserved' } } as const
const asked = {
  type: 'PaymentRequested',
  data: { orderId, amount: total, method: 'transfer', withinSeconds: 60 },
} as const
const confirmed = { type: 'ConfirmationNoted', data: { orderId } } as const
const authorised = { type: 'PaymentAnswered', data: { orderId, answer: 'authorised' } } as const
const expired = { type: 'PaymentAnswered', data: { orderId, answer: 'expired' } } as const
const shipmentAsked = { type: 'ShipmentRequested', data: { orderId, lines, address } } as const

const inputs = {
  start: { type: 'start', data: orderSnapshot },
  stock: { type: 'hear-stock', data: { answer: 'reserved' } },
  authorised: { type: 'hear-payment', data: { answer: 'authorised' } },
  expired: { type: 'hear-payment', data: { answer: 'expired' } },
  cancelled: { type: 'note-cancellation', data: { reason: 'late' } },
} satisfies Record<string, FulfilmentCommand>

describe('order fulfilment', () => {
  it('asks for the payment once it has the order and its stock, in either order', () => {
    given(fulfilment, [started]).when(inputs.stock).then([reserved, asked])
    given(fulfilment, [reserved]).when(inputs.start).then([started, asked])
  })

  it('asks for nothing while it does not know the order', () => {
    given(fulfilment).when(inputs.authorised).then([authorised])
    given(fulfilment).when(inputs.expired).then([expired])
  })

  it('ships after the order is confirmed, to the latest address', () => {
    const moved = { ...address, city: 'Bruges' }
    const note = { type: 'AddressNoted', data: { orderId, address: moved } } as const
    given(fulfilment, [started, reserved, asked]).when(inputs.authorised).then([authorised])
    given(fulfilment, [started, reserved, asked, authorised, note])
      .when({ type: 'note-confirmation', data: {} })
      .then([confirmed, { type: 'ShipmentRequested', data: { orderId, lines, address: moved } }])
  })

  it('fails if the payment expired, and does not ask for a void', () =>
    given(fulfilment, [started, reserved, asked])
      .when(inputs.expired)
      .then([
        expired,
        { type: 'FulfilmentFailed', data: { orderId, cause: 'payment', reason: 'not paid in time' } },
        { type: 'StockReleaseRequested', data: { orderId, lines } },
      ]))

  it('waits for the payment’s answer without a deadline of its own', () =>
    given(fulfilment, [started, reserved, asked, confirmed])
      .when(inputs.authorised, { now: moment(9_999_999) })
      .then([authorised, shipmentAsked]))

  it('asks for nothing more if the payment expires after the order was cancelled', () => {
    const note = { type: 'CancellationNoted', data: { orderId, reason: 'late' } } as const
    const letGo = [
      { type: 'VoidRequested', data: { orderId, reason: 'late' } },
      { type: 'StockReleaseRequested', data: { orderId, lines } },
    ] as const
    given(fulfilment, [started, reserved, asked])
      .when(inputs.cancelled)
      .then([note, ...letGo])
    given(fulfilment, [started, reserved, asked, note, ...letGo])
      .when(inputs.expired)
      .then([expired])
  })

  it('keeps payment and stock after a late cancellation until shipping answers', () => {
    const before = [started, reserved, asked, confirmed, authorised, shipmentAsked]
    const note = { type: 'CancellationNoted', data: { orderId, reason: 'late' } } as const
    const stop = { type: 'ShipmentCancellationRequested', data: { orderId, reason: 'late' } } as const
    given(fulfilment, before).when(inputs.cancelled).then([note, stop])
    given(fulfilment, [...before, note, stop])
      .when({ type: 'hear-shipment', data: { answer: 'cancelled', reason: 'late' } })
      .then([
        { type: 'ShipmentAnswered', data: { orderId, answer: 'cancelled', reason: 'late' } },
        { type: 'VoidRequested', data: { orderId, reason: 'late' } },
        { type: 'StockReleaseRequested', data: { orderId, lines } },
      ])
    given(fulfilment, [...before, note, stop])
      .when({ type: 'hear-shipment', data: { answer: 'dispatched' } })
      .then([
        { type: 'ShipmentAnswered', data: { orderId, answer: 'dispatched' } },
        { type: 'CaptureRequested', data: { orderId, amount: total } },
      ])
  })

  it('asks for no void or release of what was never held', () => {
    const note = { type: 'CancellationNoted', data: { orderId, reason: 'late' } } as const
    const release = { type: 'StockReleaseRequested', data: { orderId, lines } } as const
    given(fulfilment, [started]).when(inputs.cancelled).then([note, release])
    given(fulfilment, [started, reserved, asked])
      .when({ type: 'hear-payment', data: { answer: 'declined', reason: 'no money' } })
      .then([
        { type: 'PaymentAnswered', data: { orderId, answer: 'declined', reason: 'no money' } },
        { type: 'FulfilmentFailed', data: { orderId, cause: 'payment', reason: 'no money' } },
        release,
      ])
    given(fulfilment, [started])
      .when({ type: 'hear-stock', data: { answer: 'rejected', reason: 'none left' } })
      .then([
        { type: 'StockAnswered', data: { orderId, answer: 'rejected', reason: 'none left' } },
        { type: 'FulfilmentFailed', data: { orderId, cause: 'stock', reason: 'none left' } },
      ])
  })

  it('refunds the rest when the goods are back after a partial refund', () =>
    given(fulfilment, [
      ...[started, reserved, asked, confirmed, authorised, shipmentAsked],
      { type: 'ShipmentAnswered', data: { orderId, answer: 'dispatched' } },
      { type: 'CaptureRequested', data: { orderId, amount: total } },
      { type: 'PaymentAnswered', data: { orderId, answer: 'captured' } },
      { type: 'FulfilmentCompleted', data: { orderId } },
      { type: 'PaymentAnswered', data: { orderId, answer: 'refunded' } },
    ])
      .when({ type: 'hear-shipment', data: { answer: 'returned' } })
      .then([
        { type: 'ShipmentAnswered', data: { orderId, answer: 'returned' } },
        { type: 'RefundRequested', data: { orderId, reason: 'returned' } },
      ]))

  it('gives the reason of a return, if there is one, with the refund', () =>
    given(fulfilment, [
      ...[started, reserved, asked, confirmed, authorised, shipmentAsked],
      { type: 'CancellationNoted', data: { orderId, reason: 'late' } },
      { type: 'ShipmentCancellationRequested', data: { orderId, reason: 'late' } },
      { type: 'ShipmentAnswered', data: { orderId, answer: 'dispatched' } },
      { type: 'CaptureRequested', data: { orderId, amount: total } },
      { type: 'PaymentAnswered', data: { orderId, answer: 'captured' } },
      { type: 'ShipmentAnswered', data: { orderId, answer: 'recalled', reason: 'late' } },
    ])
      .when({ type: 'hear-shipment', data: { answer: 'returned' } })
      .then([
        { type: 'ShipmentAnswered', data: { orderId, answer: 'returned' } },
        { type: 'RefundRequested', data: { orderId, reason: 'late' } },
      ]))

  it('records an order’s start, confirmation and cancellation once', () => {
    given(fulfilment, [started]).when(inputs.start).thenNothing()
    given(fulfilment, [started, confirmed]).when({ type: 'note-confirmation', data: {} }).thenNothing()
    given(fulfilment, [started, { type: 'CancellationNoted', data: { orderId, reason: 'late' } }])
      .when(inputs.cancelled)
      .thenNothing()
  })

  it('shows in its view what it waits for, and why it failed', () =>
    project(ordering, fulfilmentView)
      .given([
        ...[started, reserved, asked, expired],
        { type: 'FulfilmentFailed', data: { orderId, cause: 'payment', reason: 'not paid in time' } },
        { type: 'StockReleaseRequested', data: { orderId, lines } },
        { type: 'CancellationNoted', data: { orderId, reason: 'not paid in time' } },
      ])
      .deliveredTwice()
      .outOfOrder()
      .then({
        orderId,
        status: 'failed',
        stock: 'reserved',
        payment: 'expired',
        asked: ['PaymentRequested', 'StockReleaseRequested'],
        reason: 'not paid in time',
        startedAt: moment(0),
        updatedAt: moment(6),
      }))
})
