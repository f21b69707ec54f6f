import { describe, it } from 'node:test'
import { moment, project } from 'tidemark/testing'
import { paymentTotals } from './payment-totals.ts'
import { payments } from './service.ts'

const totals = project(payments, paymentTotals)

/** The events of one payment. */
function payment(orderId: string, currency: string, amount: number) {
  const data = { orderId, amount: { currency, amount } }
  return {
    opened: { type: 'PaymentOpened', data: { ...data, method: 'transfer', due: moment(900) } },
    authorised: { type: 'PaymentAuthorised', data },
    declined: { type: 'PaymentDeclined', data: { ...data, reason: 'no money' } },
    expired: { type: 'PaymentExpired', data },
    voided: { type: 'PaymentVoided', data: { ...data, reason: 'late' } },
    captured: { type: 'PaymentCaptured', data },
    refunded: (part: number) =>
      ({ type: 'PaymentRefunded', data: { orderId, amount: { currency, amount: part }, reason: 'broken' } }) as const,
  } as const
}

describe('payment totals', () => {
  it('have no money that was only requested', () => totals.given([payment('1', 'EUR', 900).opened]).thenNone('EUR'))

  it('count and sum what happened by currency, in any order of streams', () => {
    const [first, second, third] = [payment('1', 'EUR', 5), payment('2', 'EUR', 7), payment('3', 'EUR', 11)]
    const [fourth, fifth, sixth] = [payment('4', 'NOK', 9), payment('5', 'NOK', 4), payment('6', 'NOK', 2)]
    const none = { count: 0, amount: 0 }
    return totals
      .given({
        'payment-1': [first.opened, first.authorised, first.captured, first.refunded(2), first.refunded(1)],
        'payment-2': [second.opened, second.authorised, second.captured],
        'payment-3': [third.opened, third.authorised],
        'payment-4': [fourth.opened, fourth.authorised, fourth.voided],
        'payment-5': [fifth.opened, fifth.expired],
        'payment-6': [sixth.opened, sixth.declined],
      })
      .deliveredTwice()
      .outOfOrder()
      .thenAll({
        EUR: {
          currency: 'EUR',
          authorised: { count: 3, amount: 23 },
          captured: { count: 2, amount: 12 },
          refunded: { count: 2, amount: 3 },
          ...{ declined: none, voided: none, expired: none },
        },
        NOK: {
          currency: 'NOK',
          authorised: { count: 1, amount: 9 },
          voided: { count: 1, amount: 9 },
          expired: { count: 1, amount: 4 },
          declined: { count: 1, amount: 2 },
          ...{ captured: none, refunded: none },
        },
      })
  })
})
