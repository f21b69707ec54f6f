import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from 'tidemark'
import { given, moment, project } from 'tidemark/testing'
import type { PaymentEvent } from './events.ts'
import { ABOVE_CARD_LIMIT, CARD_LIMIT, type PaymentCommand, payment } from './payment.ts'
import { paymentView } from './payment-view.ts'
import { payments } from './service.ts'

const orderId = '1'
const due = moment(900)
const euros = (amount: number) => ({ currency: 'EUR', amount })
const request = (method: 'card' | 'transfer', amount = 100): PaymentCommand => ({
  type: 'request',
  data: { amount: euros(amount), method, withinSeconds: 900 },
})
const capture = (amount: number): PaymentCommand => ({ type: 'capture', data: { amount: euros(amount) } })
const authorise: PaymentCommand = { type: 'authorise', data: {} }
const decline: PaymentCommand = { type: 'decline', data: { reason: 'no money' } }
const release: PaymentCommand = { type: 'void', data: { reason: 'late' } }
const expire: PaymentCommand = { type: 'expire', data: {} }
const refund = (amount?: number): PaymentCommand => ({
  type: 'refund',
  data: { reason: 'broken', ...(amount === undefined ? {} : { amount }) },
})

const opened = { type: 'PaymentOpened', data: { orderId, amount: euros(100), method: 'transfer', due } } as const
const authorised = { type: 'PaymentAuthorised', data: { orderId, amount: euros(100) } } as const
const declined = { type: 'PaymentDeclined', data: { orderId, amount: euros(100), reason: 'no money' } } as const
const expired = { type: 'PaymentExpired', data: { orderId, amount: euros(100) } } as const
const captured = { type: 'PaymentCaptured', data: { orderId, amount: euros(100) } } as const
const voided = (amount: number) =>
  ({ type: 'PaymentVoided', data: { orderId, amount: euros(amount), reason: 'late' } }) as const
const refunded = (amount: number) =>
  ({ type: 'PaymentRefunded', data: { orderId, amount: euros(amount), reason: 'broken' } }) as const

function permutations<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  if (items.length < 2) return [items]
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((others) => [first, ...others]),
  )
}

describe('payment', () => {
  it('by card is declined above the limit, in the same decision', () => {
    const amount = euros(CARD_LIMIT + 1)
    given(payment)
      .when(request('card', CARD_LIMIT + 1))
      .then([
        { type: 'PaymentOpened', data: { orderId, amount, method: 'card', due } },
        { type: 'PaymentDeclined', data: { orderId, amount, reason: ABOVE_CARD_LIMIT } },
      ])
  })
  it('by card is authorised up to the limit, in the same decision', () => {
    const amount = euros(CARD_LIMIT)
    given(payment)
      .when(request('card', CARD_LIMIT))
      .then([
        { type: 'PaymentOpened', data: { orderId, amount, method: 'card', due } },
        { type: 'PaymentAuthorised', data: { orderId, amount } },
      ])
  })
  it('by transfer waits, whatever the amount', () => {
    given(payment).when(request('transfer')).then([opened])
    given(payment)
      .when(request('transfer', CARD_LIMIT + 1))
      .then([{ ...opened, data: { ...opened.data, amount: euros(CARD_LIMIT + 1) } }])
  })
  it('is requested once', () =>
    given(payment, [opened]).when(request('transfer')).thenRefused('payment-already-requested'))
  it('refuses every command before it is requested', () => {
    for (const command of [authorise, decline, expire, release, refund(), capture(1)])
      given(payment).when(command).thenRefused('stream-not-found')
  })

  it('is not authorised once it is voided or declined', () => {
    given(payment, [opened, voided(0)])
      .when(authorise)
      .thenRefused('payment-voided')
    given(payment, [opened, declined]).when(authorise).thenRefused('payment-declined')
  })
  it('is authorised once, with the reference of the bank', () => {
    const data = { reference: 'RF18 5390' }
    given(payment, [opened])
      .when({ type: 'authorise', data })
      .then([{ ...authorised, data: { ...authorised.data, ...data } }])
    given(payment, [opened, authorised]).when(authorise).thenNothing()
    given(payment, [opened, authorised, captured]).when(authorise).thenNothing()
  })
  it('is declined while it is open, once', () => {
    given(payment, [opened, authorised]).when(decline).thenRefused('payment-authorised')
    given(payment, [opened, authorised, captured]).when(decline).thenRefused('payment-captured')
    given(payment, [opened, voided(0)])
      .when(decline)
      .thenRefused('payment-voided')
    given(payment, [opened]).when(decline).then([declined])
    given(payment, [opened, declined]).when(decline).thenNothing()
  })

  it('does not expire before its deadline, which starts at its opening', () => {
    const late = given(payment).when(request('transfer'), { now: moment(5000) })
    const openedLate = { ...opened, data: { ...opened.data, due: moment(5900) } } as const
    late.then([openedLate])
    given(payment, [openedLate])
      .when(expire, { now: moment(5899) })
      .thenRefused('payment-not-due')
    given(payment, [openedLate])
      .when(expire, { now: moment(5900) })
      .then([expired])
  })
  it('expires once, and then holds nothing', () => {
    const late = { now: moment(900) }
    given(payment, [opened, expired]).when(expire, late).thenNothing()
    given(payment, [opened, expired]).when(release, late).thenNothing()
    for (const command of [authorise, decline, capture(100), refund()])
      given(payment, [opened, expired]).when(command, late).thenRefused('payment-expired')
  })
  it('does not expire once it is authorised, declined, voided or captured, whatever the time', () => {
    for (const before of [[authorised], [declined], [voided(0)], [authorised, voided(100)], [authorised, captured]])
      given(payment, [opened, ...before])
        .when(expire, { now: moment(9999) })
        .thenNothing()
  })
  it('can be authorised after its deadline if it has not expired yet', () =>
    given(payment, [opened])
      .when(authorise, { now: moment(901) })
      .then([authorised]))

  it('keeps the first of authorise, decline, void and expire, in any order and at any time', () => {
    const commands = { authorise, decline, void: release, expire }
    const leads = { authorise: authorised, decline: declined, void: voided(0), expire: expired }
    let orders = 0
    for (const order of permutations(['authorise', 'decline', 'void', 'expire'] as const))
      for (let timeIsOver = 0; timeIsOver <= order.length; timeIsOver += 1) {
        let events: readonly PaymentEvent[] = [opened]
        for (const [index, name] of order.entries()) {
          const now = moment(index < timeIsOver ? 899 : 900)
          const { decision } = given(payment, events).when(commands[name], { now })
          if (!isRefusal(decision)) events = [...events, ...(decision as readonly PaymentEvent[])]
        }
        // Expiry before the deadline leaves no event, so the next command is the first.
        const first = order.find((name, index) => name !== 'expire' || index >= timeIsOver) ?? 'expire'
        const voids = first === 'authorise' && order.indexOf('void') > order.indexOf('authorise')
        assert.deepEqual(events, [opened, leads[first], ...(voids ? [voided(100)] : [])], `${order}, ${timeIsOver}`)
        orders += 1
      }
    assert.equal(orders, 24 * 5)
  })

  it('is not captured before it is authorised, nor after it is voided or declined', () => {
    given(payment, [opened]).when(capture(100)).thenRefused('payment-open')
    given(payment, [opened, authorised, voided(100)])
      .when(capture(100))
      .thenRefused('payment-voided')
    given(payment, [opened, declined]).when(capture(100)).thenRefused('payment-declined')
  })
  it('is not captured beyond what is authorised, nor in another currency', () => {
    given(payment, [opened, authorised]).when(capture(101)).thenRefused('payment-amount-exceeded')
    given(payment, [opened, authorised])
      .when({ type: 'capture', data: { amount: { currency: 'NOK', amount: 1 } } })
      .thenRefused('payment-amount-exceeded')
  })
  it('is captured once', () => {
    given(payment, [opened, authorised]).when(capture(100)).then([captured])
    given(payment, [opened, authorised, captured]).when(capture(100)).thenNothing()
    given(payment, [opened, authorised, captured]).when(capture(99)).thenRefused('payment-captured')
  })

  it('is not voided once it is captured', () =>
    given(payment, [opened, authorised, captured]).when(release).thenRefused('payment-captured'))
  it('is voided with what was authorised and is free again', () => {
    given(payment, [opened])
      .when(release)
      .then([voided(0)])
    given(payment, [opened, authorised])
      .when(release)
      .then([voided(100)])
  })
  it('has nothing to void if it is voided or declined', () => {
    given(payment, [opened, voided(0)])
      .when(release)
      .thenNothing()
    given(payment, [opened, declined]).when(release).thenNothing()
  })

  it('is not refunded if nothing is captured', () => {
    given(payment, [opened]).when(refund()).thenRefused('payment-open')
    given(payment, [opened, authorised]).when(refund()).thenRefused('payment-authorised')
    given(payment, [opened, declined]).when(refund()).thenRefused('payment-declined')
    given(payment, [opened, voided(0)])
      .when(refund())
      .thenRefused('payment-voided')
  })
  it('is not refunded beyond what is captured and not yet refunded', () => {
    given(payment, [opened, authorised, captured]).when(refund(101)).thenRefused('payment-amount-exceeded')
    given(payment, [opened, authorised, captured, refunded(60)])
      .when(refund(41))
      .thenRefused('payment-amount-exceeded')
  })
  it('is refunded in parts, and in full if no amount is given', () => {
    given(payment, [opened, authorised, captured])
      .when(refund(60))
      .then([refunded(60)])
    given(payment, [opened, authorised, captured, refunded(60)])
      .when(refund())
      .then([refunded(40)])
    given(payment, [opened, authorised, captured, refunded(60), refunded(40)])
      .when(refund())
      .thenNothing()
  })
})

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
})
