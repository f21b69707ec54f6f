import { type CommandOf, commandType, type Decider, type Decision, type DecisionContext, refuse } from 'tidemark'
import * as z from 'zod'
import { type Money, money } from '../money.ts'
import { method, type PaymentEvent, paymentEvents } from './events.ts'

/** The most that a card is charged, in minor units of whatever currency: a payment above it is declined at once. */
export const CARD_LIMIT = 1_000_000

/** Why a payment above `CARD_LIMIT` is declined. Stable: others may tell the customer more by it. */
export const ABOVE_CARD_LIMIT = 'above-card-limit'

const reason = z.string().min(1).max(500)
const withinSeconds = z
  .int()
  .min(1)
  .max(30 * 86_400)

const paymentCommands = [
  commandType('request', z.strictObject({ amount: money.strict(), method, withinSeconds }), { creates: true }),
  commandType('authorise', z.strictObject({ reference: z.string().min(1).max(100).exactOptional() })),
  /** Its time is over: sent when it is due. */
  commandType('expire', z.strictObject({})),
  commandType('decline', z.strictObject({ reason })),
  commandType('capture', z.strictObject({ amount: money.strict() })),
  commandType('void', z.strictObject({ reason })),
  /** In minor units; without an amount all that was captured and not given back yet. */
  commandType('refund', z.strictObject({ amount: z.int().positive().exactOptional(), reason })),
] as const

export type PaymentCommand = CommandOf<(typeof paymentCommands)[number]>

type Payment =
  | { readonly status: 'none' }
  | {
      readonly status: 'open'
      /** Asked for. */
      readonly amount: Money
      /** RFC 3339: until when there is time. */
      readonly due: string
    }
  | {
      readonly status: 'authorised' | 'declined' | 'voided' | 'expired'
      /** Asked for, and since then authorised or not. */
      readonly amount: Money
    }
  | {
      readonly status: 'captured'
      readonly amount: Money
      readonly captured: number
      readonly refunded: number
    }

function evolve(payment: Payment, event: PaymentEvent): Payment {
  if (event.type === 'PaymentOpened') {
    const { amount, due } = event.data
    return { status: 'open', amount, due }
  }
  if (payment.status === 'none') return payment
  const { amount } = payment
  switch (event.type) {
    case 'PaymentAuthorised':
      return { status: 'authorised', amount }
    case 'PaymentDeclined':
      return { status: 'declined', amount }
    case 'PaymentVoided':
      return { status: 'voided', amount }
    case 'PaymentExpired':
      return { status: 'expired', amount }
    case 'PaymentCaptured':
      return { status: 'captured', amount, captured: event.data.amount.amount, refunded: 0 }
    case 'PaymentRefunded':
      return payment.status === 'captured'
        ? { ...payment, refunded: payment.refunded + event.data.amount.amount }
        : payment
  }
}

function request(
  { id: orderId, now }: DecisionContext,
  { amount, method, withinSeconds }: Extract<PaymentCommand, { type: 'request' }>['data'],
): PaymentEvent[] {
  const due = new Date(Date.parse(now) + withinSeconds * 1000).toISOString()
  const opened: PaymentEvent = { type: 'PaymentOpened', data: { orderId, amount, method, due } }
  if (method === 'transfer') return [opened]
  return amount.amount > CARD_LIMIT
    ? [opened, { type: 'PaymentDeclined', data: { orderId, amount, reason: ABOVE_CARD_LIMIT } }]
    : [opened, { type: 'PaymentAuthorised', data: { orderId, amount } }]
}

function capture(
  orderId: string,
  payment: Exclude<Payment, { status: 'none' }>,
  amount: Money,
): Decision<PaymentEvent> {
  const authorised = payment.amount
  if (payment.status === 'captured' && amount.currency === authorised.currency && amount.amount === payment.captured)
    return []
  if (payment.status !== 'authorised') return refusedAs(payment)
  if (amount.currency !== authorised.currency || amount.amount > authorised.amount)
    return refuse(
      'payment-amount-exceeded',
      `${authorised.amount} ${authorised.currency} are authorised, not ${amount.amount} ${amount.currency}`,
    )
  return [{ type: 'PaymentCaptured', data: { orderId, amount } }]
}

function refund(
  orderId: string,
  payment: Exclude<Payment, { status: 'none' }>,
  { amount, reason }: Extract<PaymentCommand, { type: 'refund' }>['data'],
): Decision<PaymentEvent> {
  if (payment.status !== 'captured') return refusedAs(payment)
  const left = payment.captured - payment.refunded
  const given = amount ?? left
  if (given > left)
    return refuse(
      'payment-amount-exceeded',
      `of ${payment.captured} captured ${payment.refunded} are given back already`,
    )
  if (given === 0) return []
  const { currency } = payment.amount
  return [{ type: 'PaymentRefunded', data: { orderId, amount: { currency, amount: given }, reason } }]
}

function refusedAs({ status }: Payment): ReturnType<typeof refuse> {
  return refuse(`payment-${status}`, `the payment is ${status}`)
}

/**
 * An order's payment: asked for, then authorised or declined, a card by rule and a transfer by the bank's
 * word. What is authorised is captured once or voided, never both; what is captured can be given back, never
 * more than that.
 *
 * Until it is authorised its time runs, from its own opening. `authorise` and `expire` are decided in this
 * one stream, so one of them is first and stands, whoever else was away meanwhile. An `authorise` after the
 * due time and before `expire` is first: the money is there.
 */
export const payment: Decider<Payment, PaymentCommand, PaymentEvent> = {
  category: 'payment',
  commands: paymentCommands,
  events: paymentEvents,
  refusals: {
    'payment-already-requested': 'The payment was asked for before.',
    'payment-not-requested': 'The stream has events, but no payment was asked for in it.',
    'payment-open': 'The payment is not authorised yet: nothing is captured or given back.',
    'payment-authorised':
      'The payment is authorised: it is not declined any more; nothing is captured that could be given back.',
    'payment-declined': 'The payment was declined: it is neither authorised nor captured any more.',
    'payment-expired':
      'The time to pay is over, and nothing is held: it is neither authorised, declined nor captured any more.',
    'payment-not-due': 'The time to pay is not over: the payment does not expire yet.',
    'payment-voided': 'The payment was voided: it is neither authorised nor captured any more.',
    'payment-captured':
      'The payment is captured: it is neither declined nor voided any more, nor captured a second time; refund it.',
    'payment-amount-exceeded':
      'So much was not authorised, in this currency; or so much was not captured, or was given back already.',
  },
  initial: { status: 'none' },
  evolve,
  decide(payment, command, context) {
    const { id: orderId } = context
    if (command.type === 'request')
      return payment.status === 'none'
        ? request(context, command.data)
        : refuse('payment-already-requested', 'the payment was asked for before')
    if (payment.status === 'none') return refuse('payment-not-requested', 'there is no such payment')
    const { status, amount } = payment
    switch (command.type) {
      case 'authorise':
        if (status === 'authorised' || status === 'captured') return []
        return status === 'open'
          ? [{ type: 'PaymentAuthorised', data: { orderId, amount, ...command.data } }]
          : refusedAs(payment)
      case 'decline':
        if (status === 'declined') return []
        return status === 'open'
          ? [{ type: 'PaymentDeclined', data: { orderId, amount, ...command.data } }]
          : refusedAs(payment)
      case 'capture':
        return capture(orderId, payment, command.data.amount)
      case 'expire':
        if (payment.status !== 'open') return []
        return Date.parse(context.now) < Date.parse(payment.due)
          ? refuse('payment-not-due', `there is time until ${payment.due}`)
          : [{ type: 'PaymentExpired', data: { orderId, amount } }]
      case 'void': {
        if (status === 'voided' || status === 'declined' || status === 'expired') return []
        if (status === 'captured') return refusedAs(payment)
        const freed = { ...amount, amount: status === 'authorised' ? amount.amount : 0 }
        return [{ type: 'PaymentVoided', data: { orderId, amount: freed, ...command.data } }]
      }
      case 'refund':
        return refund(orderId, payment, command.data)
    }
  },
}
