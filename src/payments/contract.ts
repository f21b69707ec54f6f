import { eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'

/**
 * What payments tells the other services: what became of an order's money. One stream for each order,
 * `payment-<order>`.
 */

/** The money is reserved for us: it can be captured, up to this amount. */
export const PaymentAuthorised = eventType('PaymentAuthorised', z.object({ orderId: z.string(), amount: money }))

/**
 * Its time was over before it was authorised or declined: there will be no money for this order, and nothing
 * is held.
 */
export const PaymentExpired = eventType('PaymentExpired', z.object({ orderId: z.string(), amount: money }))

/** There will be no money for this order. */
export const PaymentDeclined = eventType('PaymentDeclined', z.object({ orderId: z.string(), reason: z.string() }))

/** The money is ours. */
export const PaymentCaptured = eventType('PaymentCaptured', z.object({ orderId: z.string(), amount: money }))

/** Nothing of it will be captured any more: what was authorised is free again. */
export const PaymentVoided = eventType('PaymentVoided', z.object({ orderId: z.string() }))

/** So much of what was captured was given back, by this refund. */
export const PaymentRefunded = eventType('PaymentRefunded', z.object({ orderId: z.string(), amount: money }))
