import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isRefusal } from 'tidemark'
import { given as givenEvents, moment } from 'tidemark/testing'
import { deciding } from '../../test/support/given.ts'
import type { PaymentEvent } from './events.ts'
import { ABOVE_CARD_LIMIT, CARD_LIMIT, type PaymentCommand, payment } from './payment.ts'

const given = deciding(payment)
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
    given()
      .when(request('card', CARD_LIMIT + 1))
      .decides(
        { type: 'PaymentOpened', data: { orderId, amount, method: 'card', due } },
        { type: 'PaymentDeclined', data: { orderId, amount, reason: ABOVE_CARD_LIMIT } },
      )
  })
  it('by card is authorised up to the limit, in the same decision', () => {
    const amount = euros(CARD_LIMIT)
    given()
      .when(request('card', CARD_LIMIT))
      .decides(
        { type: 'PaymentOpened', data: { orderId, amount, method: 'card', due } },
        { type: 'PaymentAuthorised', data: { orderId, amount } },
      )
  })
  it('by transfer waits, whatever the amount', () => {
    given().when(request('transfer')).decides(opened)
    given()
      .when(request('transfer', CARD_LIMIT + 1))
      .decides({ ...opened, data: { ...opened.data, amount: euros(CARD_LIMIT + 1) } })
  })
  it('is requested once', () => given(opened).when(request('transfer')).refused('payment-already-requested'))
  it('refuses every command before it is requested', () => {
    for (const command of [authorise, decline, expire, release, refund(), capture(1)])
      given().when(command).refused('stream-not-found')
  })

  it('is not authorised once it is voided or declined', () => {
    given(opened, voided(0)).when(authorise).refused('payment-voided')
    given(opened, declined).when(authorise).refused('payment-declined')
  })
  it('is authorised once, with the reference of the bank', () => {
    const data = { reference: 'RF18 5390' }
    given(opened)
      .when({ type: 'authorise', data })
      .decides({ ...authorised, data: { ...authorised.data, ...data } })
    given(opened, authorised).when(authorise).decides()
    given(opened, authorised, captured).when(authorise).decides()
  })
  it('is declined while it is open, once', () => {
    given(opened, authorised).when(decline).refused('payment-authorised')
    given(opened, authorised, captured).when(decline).refused('payment-captured')
    given(opened, voided(0)).when(decline).refused('payment-voided')
    given(opened).when(decline).decides(declined)
    given(opened, declined).when(decline).decides()
  })

  it('does not expire before its deadline, which starts at its opening', () => {
    const late = givenEvents(payment).when(request('transfer'), { now: moment(5000) })
    const openedLate = { ...opened, data: { ...opened.data, due: moment(5900) } } as const
    late.then([openedLate])
    givenEvents(payment, [openedLate])
      .when(expire, { now: moment(5899) })
      .thenRefused('payment-not-due')
    givenEvents(payment, [openedLate])
      .when(expire, { now: moment(5900) })
      .then([expired])
  })
  it('expires once, and then holds nothing', () => {
    const late = { now: moment(900) }
    givenEvents(payment, [opened, expired]).when(expire, late).thenNothing()
    givenEvents(payment, [opened, expired]).when(release, late).thenNothing()
    for (const command of [authorise, decline, capture(100), refund()])
      givenEvents(payment, [opened, expired]).when(command, late).thenRefused('payment-expired')
  })
  it('does not expire once it is authorised, declined, voided or captured, whatever the time', () => {
    for (const before of [[authorised], [declined], [voided(0)], [authorised, voided(100)], [authorised, captured]])
      givenEvents(payment, [opened, ...before])
        .when(expire, { now: moment(9999) })
        .thenNothing()
  })
  it('can be authorised after its deadline if it has not expired yet', () =>
    givenEvents(payment, [opened])
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
          const { decision } = givenEvents(payment, events).when(commands[name], { now })
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
    given(opened).when(capture(100)).refused('payment-open')
    given(opened, authorised, voided(100)).when(capture(100)).refused('payment-voided')
    given(opened, declined).when(capture(100)).refused('payment-declined')
  })
  it('is not captured beyond what is authorised, nor in another currency', () => {
    given(opened, authorised).when(capture(101)).refused('payment-amount-exceeded')
    given(opened, authorised)
      .when({ type: 'capture', data: { amount: { currency: 'NOK', amount: 1 } } })
      .refused('payment-amount-exceeded')
  })
  it('is captured once', () => {
    given(opened, authorised).when(capture(100)).decides(captured)
    given(opened, authorised, captured).when(capture(100)).decides()
    given(opened, authorised, captured).when(capture(99)).refused('payment-captured')
  })

  it('is not voided once it is captured', () =>
    given(opened, authorised, captured).when(release).refused('payment-captured'))
  it('is voided with what was authorised and is free again', () => {
    given(opened).when(release).decides(voided(0))
    given(opened, authorised).when(release).decides(voided(100))
  })
  it('has nothing to void if it is voided or declined', () => {
    given(opened, voided(0)).when(release).decides()
    given(opened, declined).when(release).decides()
  })

  it('is not refunded if nothing is captured', () => {
    given(opened).when(refund()).refused('payment-open')
    given(opened, authorised).when(refund()).refused('payment-authorised')
    given(opened, declined).when(refund()).refused('payment-declined')
    given(opened, voided(0)).when(refund()).refused('payment-voided')
  })
  it('is not refunded beyond what is captured and not yet refunded', () => {
    given(opened, authorised, captured).when(refund(101)).refused('payment-amount-exceeded')
    given(opened, authorised, captured, refunded(60)).when(refund(41)).refused('payment-amount-exceeded')
  })
  it('is refunded in parts, and in full if no amount is given', () => {
    given(opened, authorised, captured).when(refund(60)).decides(refunded(60))
    given(opened, authorised, captured, refunded(60)).when(refund()).decides(refunded(40))
    given(opened, authorised, captured, refunded(60), refunded(40)).when(refund()).decides()
  })
})
