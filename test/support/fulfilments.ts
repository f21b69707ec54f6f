import type { EventOf } from 'tidemark'
import type {
  CaptureRequested,
  PaymentRequested,
  RefundRequested,
  ShipmentCancellationRequested,
  ShipmentRequested,
  VoidRequested,
} from '../../src/ordering/contract.ts'
import { address } from './orders.ts'

/** The requests of an order's fulfilment, as ordering publishes them. */

export const paymentRequested = (
  orderId: string,
  method: 'card' | 'transfer' = 'card',
  amount = 2150,
): EventOf<typeof PaymentRequested> => ({
  type: 'PaymentRequested',
  data: { orderId, amount: { currency: 'EUR', amount }, method, withinSeconds: 900 },
})

export const captureRequested = (orderId: string, amount = 2150): EventOf<typeof CaptureRequested> => ({
  type: 'CaptureRequested',
  data: { orderId, amount: { currency: 'EUR', amount } },
})

export const voidRequested = (orderId: string): EventOf<typeof VoidRequested> => ({
  type: 'VoidRequested',
  data: { orderId, reason: 'late' },
})

export const refundRequested = (orderId: string): EventOf<typeof RefundRequested> => ({
  type: 'RefundRequested',
  data: { orderId, reason: 'returned' },
})

export const shipmentRequested = (orderId: string): EventOf<typeof ShipmentRequested> => ({
  type: 'ShipmentRequested',
  data: { orderId, lines: [{ sku: 'tea', quantity: 2 }], address },
})

export const shipmentCancellationRequested = (orderId: string): EventOf<typeof ShipmentCancellationRequested> => ({
  type: 'ShipmentCancellationRequested',
  data: { orderId, reason: 'late' },
})
