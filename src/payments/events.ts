import { type EventOf, eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { PaymentCaptured, PaymentExpired } from './contract.ts'

/**
 * The private events of payments. Events with the contract's names carry less data in public: see service.ts.
 */

export const method = z.enum(['card', 'transfer'])

/** The payment was requested, with the amount to authorise and its deadline. */
export const PaymentOpened = eventType(
  'PaymentOpened',
  z.object({ orderId: z.string(), amount: money, method, due: z.iso.datetime() }),
)

/** With the bank's reference of the transfer, if it gave one. */
export const PrivatePaymentAuthorised = eventType(
  'PaymentAuthorised',
  z.object({ orderId: z.string(), amount: money, reference: z.string().exactOptional() }),
)

/** With the amount requested. */
export const PrivatePaymentDeclined = eventType(
  'PaymentDeclined',
  z.object({ orderId: z.string(), amount: money, reason: z.string() }),
)

/** With the authorised amount that is free again; 0 if nothing was authorised. */
export const PrivatePaymentVoided = eventType(
  'PaymentVoided',
  z.object({ orderId: z.string(), amount: money, reason: z.string() }),
)

/** With the reason of the refund. */
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
