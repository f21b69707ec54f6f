import { z } from 'zod'
import { eventType } from '../../core/event.ts'

/**
 * What ordering tells the other services: its public events. They rely on these schemas alone; a change that an old reader
 * cannot read is a new event.
 */

/** An amount in the currency's minor unit (cents), so that no amount is ever rounded. ISO 4217. */
export const money = z.object({
  currency: z.string().regex(/^[A-Z]{3}$/),
  amount: z.int().nonnegative(),
})
export type Money = z.infer<typeof money>

export const sku = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)

export const orderLine = z.object({
  sku,
  quantity: z.int().min(1).max(10_000),
  /** In minor units of the order's currency. */
  unitPrice: z.int().nonnegative().max(1_000_000_000),
})
export type OrderLine = z.infer<typeof orderLine>

export const address = z.object({
  name: z.string().min(1).max(200),
  street: z.string().min(1).max(200),
  postalCode: z.string().min(1).max(20),
  city: z.string().min(1).max(200),
  /** ISO 3166-1 alpha-2 */
  country: z.string().regex(/^[A-Z]{2}$/),
})
export type Address = z.infer<typeof address>

export const OrderPlaced = eventType(
  'OrderPlaced',
  1,
  z.object({
    orderId: z.string(),
    customerId: z.string(),
    /** In SKU order; a SKU stands in one line only. */
    lines: z.array(orderLine).min(1).max(50),
    total: money,
    shippingAddress: address,
  }),
)

/** Carries the lines once more: who counts or reserves them needs no memory of the order. */
const ended = z.object({
  orderId: z.string(),
  reason: z.string(),
  lines: z.array(orderLine).min(1).max(50),
  total: money,
})

/** The customer no longer wants it. */
export const OrderCancelled = eventType('OrderCancelled', 1, ended)

/** It cannot be had. */
export const OrderRejected = eventType('OrderRejected', 1, ended)

/** All of it is reserved. */
export const OrderConfirmed = eventType('OrderConfirmed', 1, z.object({ orderId: z.string() }))
