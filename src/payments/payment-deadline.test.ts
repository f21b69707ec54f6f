import { describe, it } from 'node:test'
import { moment, react, recordedAs } from 'tidemark/testing'
import { captureRequested, paymentRequested, voidRequested } from '../../test/support/fulfilments.ts'
import { PaymentRequested } from '../ordering/contract.ts'
import { paymentRequests } from './payment-requests.ts'
import { payments } from './service.ts'

const orderId = '1'
const amount = { currency: 'EUR', amount: 2150 }
const opened = (due: string) => ({ type: 'PaymentOpened', data: { orderId, amount, method: 'transfer', due } })
const authorised = { type: 'PaymentAuthorised', data: { orderId, amount } }
const expired = { type: 'PaymentExpired', data: { orderId, amount } }
const voided = { type: 'PaymentVoided', data: { orderId, amount: { ...amount, amount: 0 }, reason: 'late' } }
const expiry = (due: string) => ({ due, stream: 'payment-1', command: { type: 'expire', data: {} } })

const requests = react(payments, paymentRequests)
const waiting = requests.given({ 'fulfilment-1': [paymentRequested('1', 'transfer')] })

describe('the time to pay', () => {
  it('starts when the payment is opened, even after a late request', async () => {
    const late = requests.at(moment(5000)).when({ 'fulfilment-1': [paymentRequested('1', 'transfer')] })
    await late.deliveredTwice().then({ 'payment-1': [opened(moment(5900))] })
    await late.deliveredTwice().thenScheduled([expiry(moment(5900))])
    await late.after(899).then({ 'payment-1': [opened(moment(5900))] })
    await late.after(900).then({ 'payment-1': [opened(moment(5900)), expired] })
  })

  it('ends once, even if the expiry and the request are delivered twice', async () => {
    const over = waiting.after(900).deliveredTwice()
    await over.then({ 'payment-1': [expired] })
    await over.thenScheduled([])
  })

  it('ends without effect if the payment was authorised first', async () => {
    const over = waiting
      .when({ 'payment-1': [authorised] })
      .after(900)
      .deliveredTwice()
    await over.then({})
    await over.thenScheduled([])
  })

  it('ends without effect if the payment was voided first', () =>
    waiting
      .when({ 'fulfilment-1': [voidRequested('1')] })
      .after(900)
      .deliveredTwice()
      .then({ 'payment-1': [voided] }))

  it('leaves nothing to void or capture once it has ended', async () => {
    const over = waiting.given({}).after(900)
    await over.when({ 'fulfilment-1': [voidRequested('1')] }).then({ 'payment-1': [expired] })
    await over.when({ 'fulfilment-1': [captureRequested('1')] }).thenRefused('payment-1', 'payment-expired')
  })

  it('does not start for a card, which is decided at once', () =>
    requests.when({ 'fulfilment-1': [paymentRequested('1', 'card')] }).thenScheduled([]))

  it('is the longest allowed for a version 1 request, whose deadline ordering watches', () => {
    const data = { orderId, amount, method: 'transfer', due: moment(900) }
    return requests
      .when({ 'fulfilment-1': [recordedAs(PaymentRequested, 1, data)] })
      .then({ 'payment-1': [opened(moment(30 * 86_400))] })
  })
})
