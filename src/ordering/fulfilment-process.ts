import { type EventOf, type ProcessInput, processManager } from 'tidemark'
import { StockReservationRejected, StockReserved } from '../inventory/contract.ts'
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
import { toPublicAddress } from './address.ts'
import { OrderCancelled, OrderConfirmed } from './contract.ts'
import {
  FulfilmentCompleted,
  type FulfilmentEvent,
  FulfilmentFailed,
  PrivateOrderPlaced,
  ShippingAddressChanged,
  StockAnswered,
} from './events.ts'
import { type Fulfilment, type FulfilmentCommand, fulfilment } from './fulfilment.ts'
import { order } from './order.ts'

const orderTypes = [PrivateOrderPlaced, ShippingAddressChanged, OrderConfirmed, OrderCancelled] as const
const orders: ProcessInput<EventOf<(typeof orderTypes)[number]>, FulfilmentCommand> = {
  service: 'ordering',
  category: 'order',
  events: orderTypes,
  startsAt: 'first',
  correlate({ type, data }) {
    const id = data.orderId
    switch (type) {
      case 'OrderPlaced': {
        const { total, payment, customerId } = data
        const address = toPublicAddress(data.shippingAddress)
        const lines = data.lines.map(({ sku, quantity }) => ({ sku, quantity }))
        return { id, command: { type: 'start', data: { lines, total, address, payment, customerId } } }
      }
      case 'ShippingAddressChanged':
        return { id, command: { type: 'note-address', data: { address: toPublicAddress(data.shippingAddress) } } }
      case 'OrderConfirmed':
        return { id, command: { type: 'note-confirmation', data: {} } }
      case 'OrderCancelled':
        return { id, command: { type: 'note-cancellation', data: { reason: data.reason } } }
    }
  },
}

const reservationTypes = [StockReserved, StockReservationRejected] as const
const reservations: ProcessInput<EventOf<(typeof reservationTypes)[number]>, FulfilmentCommand> = {
  service: 'inventory',
  category: 'reservation',
  events: reservationTypes,
  startsAt: 'first',
  correlate({ type, data }) {
    const id = data.orderId
    if (type === 'StockReserved') return { id, command: { type: 'hear-stock', data: { answer: 'reserved' } } }
    const reason = `${data.requested} of ${data.sku} wanted, ${data.available} available`
    return { id, command: { type: 'hear-stock', data: { answer: 'rejected', reason } } }
  },
}

function answer<Type extends string, Answer extends string>(
  type: Type,
  answer: Answer,
  { orderId: id, ...data }: { readonly orderId: string; readonly reason?: string },
): { id: string; command: { type: Type; data: { answer: Answer; reason?: string } } } {
  return { id, command: { type, data: { answer, ...(data.reason === undefined ? {} : { reason: data.reason }) } } }
}

const paymentAnswers = {
  PaymentAuthorised: 'authorised',
  PaymentDeclined: 'declined',
  PaymentCaptured: 'captured',
  PaymentVoided: 'voided',
  PaymentRefunded: 'refunded',
  PaymentExpired: 'expired',
} as const
const paymentTypes = [
  PaymentAuthorised,
  PaymentDeclined,
  PaymentCaptured,
  PaymentVoided,
  PaymentRefunded,
  PaymentExpired,
] as const
const payments: ProcessInput<EventOf<(typeof paymentTypes)[number]>, FulfilmentCommand> = {
  service: 'payments',
  category: 'payment',
  events: paymentTypes,
  startsAt: 'first',
  correlate: ({ type, data }) => answer('hear-payment', paymentAnswers[type], data),
}

const shipmentAnswers = {
  ShipmentPrepared: 'prepared',
  ShipmentDispatched: 'dispatched',
  ShipmentDelivered: 'delivered',
  ShipmentCancelled: 'cancelled',
  ShipmentRecalled: 'recalled',
  ShipmentReturned: 'returned',
} as const
const shipmentTypes = [
  ShipmentPrepared,
  ShipmentDispatched,
  ShipmentDelivered,
  ShipmentCancelled,
  ShipmentRecalled,
  ShipmentReturned,
] as const
const shipments: ProcessInput<EventOf<(typeof shipmentTypes)[number]>, FulfilmentCommand> = {
  service: 'shipping',
  category: 'shipment',
  events: shipmentTypes,
  startsAt: 'first',
  correlate: ({ type, data }) => answer('hear-shipment', shipmentAnswers[type], data),
}

const outcomes = [StockAnswered, FulfilmentFailed, FulfilmentCompleted] as const

/** Order fulfilment: follows orders, stock, payments and shipments, and updates the order. */
export const orderFulfilment = processManager<Fulfilment, FulfilmentCommand, FulfilmentEvent>(
  'fulfilment',
  fulfilment,
  [orders, reservations, payments, shipments],
  {
    service: 'ordering',
    events: outcomes,
    startsAt: 'first',
    async react({ type, data }, send) {
      const { orderId } = data
      switch (type) {
        case 'StockAnswered':
          if (data.answer === 'reserved')
            await send(order, orderId, `confirm:${orderId}`, { type: 'confirm', data: {} })
          return
        case 'FulfilmentFailed': {
          const { cause, reason } = data
          const end = cause === 'stock' ? 'reject' : 'cancel'
          await send(order, orderId, `${end}:${orderId}`, { type: end, data: { reason } })
          return
        }
        case 'FulfilmentCompleted':
          await send(order, orderId, `complete:${orderId}`, { type: 'complete', data: {} })
          return
      }
    },
  },
)
