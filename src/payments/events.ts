import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { PaymentCaptured, PaymentExpired } from './contract.ts'

/**
 * What payments keeps for itself. Others are told less of the events that have the contract's names: see
 * service.ts.
 */

export const method = z.enum(['card', 'transfer'])

/** Asked for: the amount that is to be authorised, and until when there is time for it. */
export const PaymentOpened = eventType(
  'PaymentOpened',
  z.object({ orderId: z.string(), amount: money, method, due: z.iso.datetime() }),
)

/** With the bank's reference of the transfer, where it gave one. */
export const PrivatePaymentAuthorised = eventType(
  'PaymentAuthorised',
  z.object({ orderId: z.string(), amount: money, reference: z.string().exactOptional() }),
)

/** With the amount that was asked for. */
export const PrivatePaymentDeclined = eventType(
  'PaymentDeclined',
  z.object({ orderId: z.string(), amount: money, reason: z.string() }),
)

/** With what was authorised and is free again: 0 where nothing was. */
export const PrivatePaymentVoided = eventType(
  'PaymentVoided',
  z.object({ orderId: z.string(), amount: money, reason: z.string() }),
)

/** With why it was given back. */
export const PrivatePaymentRefunded = eventType(
  'PaymentRefunded',
  z.object({ orderId: z.string(), amount: money, reason: z.string() }),
)

/** All events of a payment's stream. */
export const paymentEvents = [
  PaymentOpened,
  PrivatePaymentAuthorised,
  PrivatePaymentDeclined,
  PaymentCaptured,
  PrivatePaymentVoided,
  PrivatePaymentRefunded,
  PaymentExpired,
] as const
export type PaymentEvent = EventOf<(typeof paymentEvents)[number]>
