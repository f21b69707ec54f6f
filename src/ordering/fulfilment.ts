import { type CommandOf, commandType, type Decider, type Decision, type DecisionContext } from 'tidemark'
import * as z from 'zod'
import { address } from './contract.ts'
import {
  type FulfilmentEvent,
  fulfilmentEvents,
  orderSnapshot,
  paymentAnswer,
  shipmentAnswer,
  stockAnswer,
} from './events.ts'

// Any of them may arrive first: every service publishes to its own hub.
const createsStream = { creates: true }
const reason = z.string().optional()

const fulfilmentCommands = [
  commandType('start', orderSnapshot.strict(), createsStream),
  commandType('note-address', z.strictObject({ address }), createsStream),
  commandType('note-confirmation', z.strictObject({}), createsStream),
  commandType('note-cancellation', z.strictObject({ reason: z.string() }), createsStream),
  commandType('hear-stock', z.strictObject({ answer: stockAnswer, reason }), createsStream),
  commandType('hear-payment', z.strictObject({ answer: paymentAnswer, reason }), createsStream),
  commandType('hear-shipment', z.strictObject({ answer: shipmentAnswer, reason }), createsStream),
] as const

export type FulfilmentCommand = CommandOf<(typeof fulfilmentCommands)[number]>

/** What the process knows and has asked for. The inputs may arrive in any order. */
export interface Fulfilment {
  /** Whose name and street it holds. Known from the first event that has them. */
  readonly subject?: string
  readonly order?: z.infer<typeof orderSnapshot>
  readonly confirmed: boolean
  /** Why the customer no longer wants it. */
  readonly cancelled?: string
  readonly stock?: z.infer<typeof stockAnswer>
  readonly payment?: z.infer<typeof paymentAnswer>
  readonly shipment?: z.infer<typeof shipmentAnswer>
  /** The reason in the last answer that gave one. */
  readonly reason?: string
  readonly asked: readonly FulfilmentEvent['type'][]
  /** Why it failed. */
  readonly failed?: string
  readonly completed: boolean
}

function evolve(state: Fulfilment, event: FulfilmentEvent): Fulfilment {
  switch (event.type) {
    case 'FulfilmentStarted': {
      const { orderId, ...order } = event.data
      return { ...state, subject: state.subject ?? order.customerId ?? orderSubject(orderId), order }
    }
    case 'AddressNoted': {
      const { orderId, address } = event.data
      const known = { ...state, subject: state.subject ?? orderSubject(orderId) }
      return state.order ? { ...known, order: { ...state.order, address } } : known
    }
    case 'ConfirmationNoted':
      return { ...state, confirmed: true }
    case 'CancellationNoted':
      return { ...state, cancelled: event.data.reason }
    case 'StockAnswered':
      return recordReason({ ...state, stock: event.data.answer }, event.data)
    case 'PaymentAnswered':
      return recordReason({ ...state, payment: event.data.answer }, event.data)
    case 'ShipmentAnswered':
      return recordReason({ ...state, shipment: event.data.answer }, event.data)
    case 'FulfilmentFailed':
      return { ...state, failed: event.data.reason }
    case 'FulfilmentCompleted':
      return { ...state, completed: true }
    default:
      return { ...state, asked: [...state.asked, event.type] }
  }
}

/** The subject of an order that was placed before the customer was passed on. */
function orderSubject(orderId: string): string {
  return `order-${orderId}`
}

function decide(state: Fulfilment, command: FulfilmentCommand, context: DecisionContext): Decision<FulfilmentEvent> {
  const first = recordInput(state, command, context.id)
  if (first === undefined) return []
  const events = [first]
  let current = evolve(state, first)
  for (let step = nextStep(current, context); step; step = nextStep(current, context)) {
    events.push(step)
    current = evolve(current, step)
  }
  return events
}

function recordReason(state: Fulfilment, { reason }: { readonly reason?: string | undefined }): Fulfilment {
  return reason === undefined ? state : { ...state, reason }
}

/** The event that records an input; undefined if the input says nothing new. */
function recordInput(state: Fulfilment, command: FulfilmentCommand, orderId: string): FulfilmentEvent | undefined {
  switch (command.type) {
    case 'start':
      return state.order ? undefined : { type: 'FulfilmentStarted', data: { orderId, ...command.data } }
    case 'note-address':
      return { type: 'AddressNoted', data: { orderId, ...command.data } }
    case 'note-confirmation':
      return state.confirmed ? undefined : { type: 'ConfirmationNoted', data: { orderId } }
    case 'note-cancellation':
      return state.cancelled === undefined
        ? { type: 'CancellationNoted', data: { orderId, ...command.data } }
        : undefined
    case 'hear-stock':
      return { type: 'StockAnswered', data: { orderId, ...command.data } }
    case 'hear-payment':
      return { type: 'PaymentAnswered', data: { orderId, ...command.data } }
    case 'hear-shipment':
      return { type: 'ShipmentAnswered', data: { orderId, ...command.data } }
  }
}

/**
 * Returns the next step, or undefined if there is none. Every rule reads only the state, not the message that
 * changed it. So the process asks for the same things in the end, whatever the order of the messages.
 */
function nextStep(state: Fulfilment, { id: orderId }: DecisionContext): FulfilmentEvent | undefined {
  const { order, stock, payment, shipment, asked } = state
  if (order === undefined) return undefined
  const { lines, total, customerId } = order
  const stopReason = state.cancelled ?? state.failed
  const hasLeft =
    shipment === 'dispatched' || shipment === 'delivered' || shipment === 'recalled' || shipment === 'returned'
  const captured = payment === 'captured' || payment === 'refunded'

  // Capture the money for goods that left, whatever else happened; refund it when they are back.
  if (hasLeft && payment === 'authorised' && !asked.includes('CaptureRequested'))
    return { type: 'CaptureRequested', data: { orderId, amount: total } }
  if (shipment === 'returned' && captured && !asked.includes('RefundRequested'))
    return { type: 'RefundRequested', data: { orderId, reason: state.reason ?? 'returned' } }

  if (stopReason !== undefined) {
    const safe = !asked.includes('ShipmentRequested') || shipment === 'cancelled'
    if (!safe)
      return shipment === 'recalled' || shipment === 'returned' || asked.includes('ShipmentCancellationRequested')
        ? undefined
        : { type: 'ShipmentCancellationRequested', data: { orderId, reason: stopReason } }
    // Nothing was shipped, and nothing will be: let go of money and stock.
    const ended = payment === 'declined' || payment === 'voided' || payment === 'expired'
    if (asked.includes('PaymentRequested') && !ended && !asked.includes('VoidRequested'))
      return { type: 'VoidRequested', data: { orderId, reason: stopReason } }
    if (stock !== 'rejected' && !asked.includes('StockReleaseRequested'))
      return { type: 'StockReleaseRequested', data: { orderId, lines } }
    return undefined
  }

  if (state.completed) return undefined
  const failed = (cause: 'stock' | 'payment' | 'shipment', otherwise: string): FulfilmentEvent => ({
    type: 'FulfilmentFailed',
    data: { orderId, cause, reason: state.reason ?? otherwise },
  })
  if (stock === 'rejected') return failed('stock', 'out of stock')
  if (payment === 'declined' || payment === 'voided') return failed('payment', 'payment declined')
  if (shipment === 'cancelled' || shipment === 'recalled' || shipment === 'returned')
    return failed('shipment', `shipment ${shipment}`)
  if (payment === 'expired')
    return { type: 'FulfilmentFailed', data: { orderId, cause: 'payment', reason: 'not paid in time' } }
  if (stock === 'reserved' && !asked.includes('PaymentRequested'))
    return { type: 'PaymentRequested', data: { orderId, amount: total, ...order.payment } }
  // Not before the confirmation: only then is the address final.
  if (payment === 'authorised' && state.confirmed && !asked.includes('ShipmentRequested'))
    return {
      type: 'ShipmentRequested',
      data: { orderId, lines, address: order.address, ...(customerId === undefined ? {} : { customerId }) },
    }
  if (hasLeft && captured) return { type: 'FulfilmentCompleted', data: { orderId } }
  return undefined
}

/**
 * Leads an order from placement to completion: stock reserved, payment authorised, shipment prepared and
 * dispatched, payment captured. If that fails, it undoes the steps until nothing is held for the order. It
 * accepts the answers of the services in any order, and asks each service for its part once.
 */
export const fulfilment: Decider<Fulfilment, FulfilmentCommand, FulfilmentEvent> = {
  category: 'fulfilment',
  commands: fulfilmentCommands,
  events: fulfilmentEvents,
  subject: ({ subject }) => subject,
  initial: { confirmed: false, asked: [], completed: false },
  evolve,
  decide,
}
