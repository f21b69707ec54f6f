import type { SingleStreamView } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { toPublicAddress } from './address.ts'
import { address, channel, orderLine, payment, reference } from './contract.ts'
import type { OrderEvent } from './events.ts'

const statuses = ['placed', 'confirmed', 'rejected', 'cancelled', 'completed'] as const

/** What `GET /orders/{id}` shows. */
const orderDocument = z.object({
  orderId: z.string(),
  status: z.enum(statuses),
  customerId: z.string(),
  lines: z.array(orderLine),
  total: money,
  shippingAddress: address,
  // Absent if the view was not rebuilt since orders have these: docs/decisions/0010-event-versions.md.
  payment: payment.optional(),
  channel: channel.optional(),
  reference,
  cancellationReason: z.string().optional(),
  rejectionReason: z.string().optional(),
  placedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
})
export type OrderDocument = z.infer<typeof orderDocument>

/** The current state of one order. */
export const orderView: SingleStreamView<OrderDocument, OrderEvent> = {
  kind: 'one-stream',
  name: 'order',
  category: 'order',
  document: orderDocument,
  filters: { status: statuses, reference: 'string', customerId: 'string' },
  evolve(document, event) {
    const { time: updatedAt } = event
    if (event.type === 'OrderPlaced') {
      const shippingAddress = toPublicAddress(event.data.shippingAddress)
      return { status: 'placed', ...event.data, shippingAddress, placedAt: updatedAt, updatedAt }
    }
    if (document === undefined) return undefined
    switch (event.type) {
      case 'ShippingAddressChanged':
        return { ...document, updatedAt, shippingAddress: toPublicAddress(event.data.shippingAddress) }
      case 'OrderConfirmed':
        return { ...document, updatedAt, status: 'confirmed' }
      case 'OrderCompleted':
        return { ...document, updatedAt, status: 'completed' }
      case 'OrderRejected':
        return { ...document, updatedAt, status: 'rejected', rejectionReason: event.data.reason }
      case 'OrderCancelled':
        return { ...document, updatedAt, status: 'cancelled', cancellationReason: event.data.reason }
    }
  },
  sort: (document) => document.placedAt,
}
