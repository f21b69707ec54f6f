import {
  type CommandOf,
  commandType,
  type Decider,
  type Decision,
  type DecisionContext,
  isDocumentKey,
  refuse,
} from 'tidemark'
import * as z from 'zod'
import type { Money } from '../money.ts'
import { addressInput, isSame, type PrivateAddress, toPrivateAddress } from './address.ts'
import { channel, type OrderLine, orderLine, PAY_WITHIN_SECONDS, payment, reference } from './contract.ts'
import { type OrderEvent, orderEvents } from './events.ts'

const orderCommands = [
  commandType(
    'place',
    z.strictObject({
      // Views of other services have one document per customer, with this key.
      customerId: z.string().min(1).max(100).refine(isDocumentKey, 'cannot be used in a URL'),
      currency: z.string().regex(/^[A-Z]{3}$/),
      lines: z.array(orderLine.strict()).min(1).max(50),
      shippingAddress: addressInput,
      reference,
      /** Default: by card, within 15 minutes. */
      payment: payment.partial().strict().optional(),
      /** Default: the web shop. */
      channel: channel.optional(),
    }),
    { creates: true },
  ),
  commandType('change-shipping-address', z.strictObject({ shippingAddress: addressInput })),
  commandType('cancel', z.strictObject({ reason: z.string().min(1).max(500) })),
  commandType('confirm', z.strictObject({})),
  commandType('reject', z.strictObject({ reason: z.string().min(1).max(500) })),
  commandType('complete', z.strictObject({})),
] as const

export type OrderCommand = CommandOf<(typeof orderCommands)[number]>

type Order =
  | { readonly status: 'none' }
  | {
      readonly status: 'placed' | 'confirmed' | 'rejected' | 'cancelled' | 'completed'
      readonly customerId: string
      readonly lines: readonly OrderLine[]
      readonly total: Money
      readonly shippingAddress: PrivateAddress
    }

function evolve(order: Order, event: OrderEvent): Order {
  if (event.type === 'OrderPlaced') {
    const { customerId, lines, total, shippingAddress } = event.data
    return { status: 'placed', customerId, lines, total, shippingAddress }
  }
  if (order.status === 'none') return order
  switch (event.type) {
    case 'ShippingAddressChanged':
      return { ...order, shippingAddress: event.data.shippingAddress }
    case 'OrderConfirmed':
      return { ...order, status: 'confirmed' }
    case 'OrderRejected':
      return { ...order, status: 'rejected' }
    case 'OrderCancelled':
      return { ...order, status: 'cancelled' }
    case 'OrderCompleted':
      return { ...order, status: 'completed' }
  }
}

function decide(order: Order, command: OrderCommand, { id: orderId }: DecisionContext): Decision<OrderEvent> {
  if (order.status === 'none')
    return command.type === 'place'
      ? place(orderId, command)
      : refuse('stream-not-found', `there is no order ${orderId}`)
  if (command.type === 'place') return refuse('order-already-placed', 'the order has already been placed')
  const { status, lines, total } = order
  const refused = refuse(`order-${status}`, `the order is ${status}`)
  switch (command.type) {
    case 'change-shipping-address': {
      const { shippingAddress } = command.data
      if (status !== 'placed') return refused
      if (isSame(order.shippingAddress, shippingAddress)) return []
      return [{ type: 'ShippingAddressChanged', data: { orderId, shippingAddress: toPrivateAddress(shippingAddress) } }]
    }
    case 'confirm':
      if (status === 'confirmed') return []
      return status === 'placed' ? [{ type: 'OrderConfirmed', data: { orderId } }] : refused
    case 'reject': {
      if (status === 'rejected') return []
      const { reason } = command.data
      return status === 'placed'
        ? [{ type: 'OrderRejected', data: { orderId, reason, lines: [...lines], total } }]
        : refused
    }
    case 'complete':
      if (status === 'completed') return []
      return status === 'confirmed' ? [{ type: 'OrderCompleted', data: { orderId } }] : refused
    case 'cancel': {
      if (status === 'cancelled') return []
      const { reason } = command.data
      return status === 'rejected' || status === 'completed'
        ? refused
        : [{ type: 'OrderCancelled', data: { orderId, reason, lines: [...lines], total } }]
    }
  }
}

function place(orderId: string, command: Extract<OrderCommand, { type: 'place' }>): Decision<OrderEvent> {
  const { customerId, currency, reference, channel = 'web' } = command.data
  const shippingAddress = toPrivateAddress(command.data.shippingAddress)
  const lines = command.data.lines.toSorted((a, b) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : 0))
  const repeated = lines.find((line, index) => line.sku === lines[index - 1]?.sku)
  if (repeated) return refuse('order-sku-repeated', `${repeated.sku} is in more than one line`)
  const amount = lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0)
  const total = { currency, amount }
  const { method = 'card', withinSeconds = PAY_WITHIN_SECONDS } = command.data.payment ?? {}
  const payment = { method, withinSeconds }
  const data = { orderId, customerId, lines, total, shippingAddress, payment, channel }
  return [{ type: 'OrderPlaced', data: { ...data, ...(reference === undefined ? {} : { reference }) } }]
}

/**
 * An order: placed, then confirmed or rejected depending on its stock, and completed once it is paid and on
 * its way. The customer may change its address until it is confirmed, and cancel it until it is completed.
 */
export const order: Decider<Order, OrderCommand, OrderEvent> = {
  category: 'order',
  commands: orderCommands,
  events: orderEvents,
  refusals: {
    'order-already-placed': 'The order has already been placed.',
    'order-sku-repeated': 'A SKU is in more than one line of the order.',
    'order-confirmed': 'The order is confirmed: its address can no longer change, and it can no longer be rejected.',
    'order-rejected': 'The order was rejected for lack of stock: it can no longer change.',
    'order-placed': 'The order is not confirmed yet: it cannot be completed.',
    'order-cancelled': 'The order is cancelled: it can no longer change.',
    'order-completed': 'The order is completed: it can no longer change. Return the goods instead.',
  },
  subject: (order) => (order.status === 'none' ? undefined : order.customerId),
  initial: { status: 'none' },
  evolve,
  decide,
}
