import { eventType } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'

/**
 * The public events of payments: what happened to an order's money. One stream for each order,
 * `payment-<order>`.
 */

/** The money is reserved: up to this amount can be captured. */
export const PaymentAuthorised = eventType('PaymentAuthorised', z.object({ orderId: z.string(), amount: money }))

/**
 * The deadline passed before the payment was authorised or declined. There will be no money for this order,
 * and nothing is held.
 */
export const PaymentExpired = eventType('PaymentExpired', z.object({ orderId: z.string(), amount: money }))

/** There will be no money for this order. */
export const PaymentDeclined = eventType('PaymentDeclined', z.object({ orderId: z.string(), reason: z.string() }))

/** The money has been collected. */
export const PaymentCaptured = eventType('PaymentCaptured', z.object({ orderId: z.string(), amount: money }))

/** Nothing will be captured: any authorised amount is free again. */
export const PaymentVoided = eventType('PaymentVoided', z.object({ orderId: z.string() }))

/** This amount of the captured money was given back by this refund. */
export const PaymentRefunded = eventType('PaymentRefunded', z.object({ orderId: z.string(), amount: money }))
