import {
  type CommandOf,
  commandType,
  type Decider,
  type Decision,
  type DecisionContext,
  type Refusal,
  refuse,
} from 'tidemark'
import * as z from 'zod'
import { type Money, money } from '../money.ts'
import { method, type PaymentEvent, paymentEvents } from './events.ts'

/** The highest card payment, in minor units of any currency. A payment above it is declined at once. */
export const CARD_LIMIT = 1_000_000

/** The reason of a payment declined above `CARD_LIMIT`. Stable, so other code may translate it. */
export const ABOVE_CARD_LIMIT = 'above-card-limit'

const reason = z.string().min(1).max(500)
const withinSeconds = z
  .int()
  .min(1)
  .max(30 * 86_400)

const paymentCommands = [
  commandType('request', z.strictObject({ amount: money.strict(), method, withinSeconds }), { creates: true }),
  commandType('authorise', z.strictObject({ reference: z.string().min(1).max(100).exactOptional() })),
  /** Scheduled for the deadline. */
  commandType('expire', z.strictObject({})),
  commandType('decline', z.strictObject({ reason })),
  commandType('capture', z.strictObject({ amount: money.strict() })),
  commandType('void', z.strictObject({ reason })),
  /** In minor units. Without an amount: everything captured and not yet refunded. */
  commandType('refund', z.strictObject({ amount: z.int().positive().exactOptional(), reason })),
] as const

export type PaymentCommand = CommandOf<(typeof paymentCommands)[number]>

type Payment =
  | { readonly status: 'none' }
  | {
      readonly status: 'open'
      /** The amount requested. */
      readonly amount: Money
      /** The deadline, in RFC 3339. */
      readonly due: string
    }
  | {
      readonly status: 'authorised' | 'declined' | 'voided' | 'expired'
      /** The amount requested. */
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

function decide(payment: Payment, command: PaymentCommand, context: DecisionContext): Decision<PaymentEvent> {
  const { id: orderId } = context
  if (payment.status === 'none')
    return command.type === 'request'
      ? request(context, command.data)
      : refuse('stream-not-found', `there is no payment ${orderId}`)
  if (command.type === 'request') return refuse('payment-already-requested', 'the payment has already been requested')
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
        ? refuse('payment-not-due', `the payment is not due until ${payment.due}`)
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
      `only ${authorised.amount} ${authorised.currency} are authorised, not ${amount.amount} ${amount.currency}`,
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
    return refuse('payment-amount-exceeded', `${payment.refunded} of ${payment.captured} captured are already refunded`)
  if (given === 0) return []
  const { currency } = payment.amount
  return [{ type: 'PaymentRefunded', data: { orderId, amount: { currency, amount: given }, reason } }]
}

function refusedAs({ status }: Payment): Refusal {
  return refuse(`payment-${status}`, `the payment is ${status}`)
}

/**
 * An order's payment: requested, then authorised or declined. A rule decides for a card, the bank for a
 * transfer. Authorised money is either captured once or voided. Refunds never exceed what was captured.
 *
 * The deadline is counted from the opening and applies until the payment is authorised. `authorise` and
 * `expire` are decided in this one stream, so the first of them stands. An `authorise` after the deadline and
 * before `expire` is accepted: the money is there.
 */
export const payment: Decider<Payment, PaymentCommand, PaymentEvent> = {
  category: 'payment',
  commands: paymentCommands,
  events: paymentEvents,
  refusals: {
    'payment-already-requested': 'The payment has already been requested.',
    'payment-open': 'The payment is not authorised yet: it cannot be captured or refunded.',
    'payment-authorised':
      'The payment is authorised: it can no longer be declined, and it cannot be refunded before it is captured.',
    'payment-declined': 'The payment was declined: it can no longer be authorised, captured or refunded.',
    'payment-expired':
      'The payment expired, and nothing is held: it can no longer be authorised, declined, captured or refunded.',
    'payment-not-due': 'The deadline of the payment has not passed: it cannot expire yet.',
    'payment-voided': 'The payment was voided: it can no longer be authorised, captured or refunded.',
    'payment-captured':
      'The payment is captured: it can no longer be declined, voided or captured for another amount. Refund it.',
    'payment-amount-exceeded':
      'The amount exceeds what is authorised in this currency, or what is captured and not yet refunded.',
  },
  initial: { status: 'none' },
  evolve,
  decide,
}
