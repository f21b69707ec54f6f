import type { MultiServiceView, SourceEvent } from 'tidemark'
import * as z from 'zod'
import { money } from '../money.ts'
import { OrderCancelled, OrderCompleted, OrderConfirmed, OrderPlaced, OrderRejected } from '../ordering/contract.ts'
import {
  PaymentAuthorised,
  PaymentCaptured,
  PaymentDeclined,
  PaymentExpired,
  PaymentRefunded,
  PaymentVoided,
} from '../payments/contract.ts'
import {
  ShipmentCancelled,
  ShipmentDelivered,
  ShipmentDispatched,
  ShipmentPrepared,
  ShipmentRecalled,
  ShipmentReturned,
} from '../shipping/contract.ts'

const sources = [
  {
    service: 'ordering',
    category: 'order',
    events: [OrderPlaced, OrderConfirmed, OrderCompleted, OrderCancelled, OrderRejected],
  },
  {
    service: 'payments',
    category: 'payment',
    events: [PaymentAuthorised, PaymentDeclined, PaymentExpired, PaymentCaptured, PaymentVoided, PaymentRefunded],
  },
  {
    service: 'shipping',
    category: 'shipment',
    events: [
      ShipmentPrepared,
      ShipmentDispatched,
      ShipmentDelivered,
      ShipmentCancelled,
      ShipmentRecalled,
      ShipmentReturned,
    ],
  },
] as const

type TrailEvent = SourceEvent<typeof sources>

const statuses = ['placed', 'confirmed', 'completed', 'cancelled', 'rejected'] as const

/** What `GET /customers/orders/{orderId}` shows. A part is absent until its service has published something. */
const orderTrailDocument = z.object({
  orderId: z.string(),
  customerId: z.string().exactOptional(),
  /** The customer's own number of the order. */
  reference: z.string().exactOptional(),
  status: z.enum(statuses).exactOptional(),
  total: money.exactOptional(),
  placedAt: z.iso.datetime().exactOptional(),
  payment: z
    .object({
      /** `refunded`: at least a part was given back. */
      status: z.enum(['authorised', 'declined', 'expired', 'captured', 'voided', 'refunded']),
      /** The amount last authorised or captured. */
      amount: money.exactOptional(),
      /** The sum of all refunds. */
      refunded: money.exactOptional(),
    })
    .exactOptional(),
  parcel: z
    .object({ status: z.enum(['prepared', 'dispatched', 'delivered', 'cancelled', 'recalled', 'returned']) })
    .exactOptional(),
})
export type OrderTrailDocument = z.infer<typeof orderTrailDocument>

/**
 * A customer's orders, each with its payment and its parcel. Payments and parcels know the order alone, so the
 * documents are of orders, and a list selects those of a customer. Each service writes its own part of a document,
 * so the order of the streams does not matter.
 */
export const orderTrail: MultiServiceView<OrderTrailDocument, TrailEvent> = {
  kind: 'many-services',
  name: 'order-trail',
  sources,
  document: orderTrailDocument,
  filters: { customerId: 'string', status: statuses },
  documentKeys: ({ data }) => [data.orderId],
  evolve: (document, event, orderId) => ({ orderId, ...document, ...changePart(document, event) }),
  sort: ({ placedAt = '' }) => placedAt,
}

/** The part of a document that an event changes. */
function changePart(
  document: OrderTrailDocument | undefined,
  event: Parameters<typeof orderTrail.documentKeys>[0],
): Partial<OrderTrailDocument> {
  const payment = document?.payment
  switch (event.type) {
    case 'OrderPlaced': {
      const { customerId, reference, total } = event.data
      return {
        ...{ customerId, total, status: 'placed', placedAt: event.time },
        ...(reference === undefined ? {} : { reference }),
      }
    }
    case 'OrderConfirmed':
      return { status: 'confirmed' }
    case 'OrderCompleted':
      return { status: 'completed' }
    case 'OrderCancelled':
      return { status: 'cancelled' }
    case 'OrderRejected':
      return { status: 'rejected' }
    case 'PaymentAuthorised':
      return { payment: { ...payment, status: 'authorised', amount: event.data.amount } }
    case 'PaymentCaptured':
      return { payment: { ...payment, status: 'captured', amount: event.data.amount } }
    case 'PaymentDeclined':
      return { payment: { ...payment, status: 'declined' } }
    case 'PaymentExpired':
      return { payment: { ...payment, status: 'expired' } }
    case 'PaymentVoided':
      return { payment: { ...payment, status: 'voided' } }
    case 'PaymentRefunded': {
      const { currency, amount } = event.data.amount
      const refunded = { currency, amount: (payment?.refunded?.amount ?? 0) + amount }
      return { payment: { ...payment, status: 'refunded', refunded } }
    }
    case 'ShipmentPrepared':
      return { parcel: { status: 'prepared' } }
    case 'ShipmentDispatched':
      return { parcel: { status: 'dispatched' } }
    case 'ShipmentDelivered':
      return { parcel: { status: 'delivered' } }
    case 'ShipmentCancelled':
      return { parcel: { status: 'cancelled' } }
    case 'ShipmentRecalled':
      return { parcel: { status: 'recalled' } }
    case 'ShipmentReturned':
      return { parcel: { status: 'returned' } }
  }
}
