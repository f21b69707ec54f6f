import { type CommandOf, commandType, type Decider, type Decision, type DecisionContext, refuse } from 'tidemark'
import * as z from 'zod'
import { shippedLines } from './contract.ts'
import { customer, destination, type ShipmentEvent, shipmentEvents } from './events.ts'

const reason = z.string().min(1).max(500)
const name = z.string().min(1).max(100).exactOptional()

const shipmentCommands = [
  commandType('prepare', z.strictObject({ ...customer, lines: shippedLines, address: destination.strict() }), {
    creates: true,
  }),
  commandType('dispatch', z.strictObject({ carrier: name, trackingCode: name })),
  commandType('deliver', z.strictObject({})),
  commandType('return', z.strictObject({ reason: reason.exactOptional() })),
  /** The warehouse cannot deliver. */
  commandType('cancel', z.strictObject({ reason })),
  /** The order is off: cancels a shipment that has not left, and recalls one that has. */
  commandType('stop', z.strictObject({ reason })),
] as const

export type ShipmentCommand = CommandOf<(typeof shipmentCommands)[number]>

type Shipment =
  | { readonly status: 'none' }
  | {
      readonly status: 'prepared' | 'dispatched' | 'delivered' | 'cancelled' | 'recalled' | 'returned'
      readonly lines: z.infer<typeof shippedLines>
      /** Whose name and street it holds. */
      readonly subject: string
    }

/** The status of a shipment after each event except the first. */
export const statusAfter = {
  ShipmentDispatched: 'dispatched',
  ShipmentDelivered: 'delivered',
  ShipmentCancelled: 'cancelled',
  ShipmentRecalled: 'recalled',
  ShipmentReturned: 'returned',
} as const

function evolve(shipment: Shipment, event: ShipmentEvent): Shipment {
  if (event.type === 'ShipmentPrepared') {
    const { orderId, lines, customerId } = event.data
    return { status: 'prepared', lines, subject: customerId ?? `order-${orderId}` }
  }
  return shipment.status === 'none' ? shipment : { ...shipment, status: statusAfter[event.type] }
}

function decide(
  shipment: Shipment,
  command: ShipmentCommand,
  { id: orderId }: DecisionContext,
): Decision<ShipmentEvent> {
  if (shipment.status === 'none')
    return command.type === 'prepare'
      ? [{ type: 'ShipmentPrepared', data: { orderId, ...command.data } }]
      : refuse('stream-not-found', `there is no shipment ${orderId}`)
  if (command.type === 'prepare') return refuse('shipment-already-prepared', 'the shipment has already been prepared')
  const { status } = shipment
  const lines = [...shipment.lines]
  const refused = refuse(`shipment-${status}`, `the shipment is ${status}`)
  switch (command.type) {
    case 'dispatch':
      if (status === 'dispatched' || status === 'delivered') return []
      return status === 'prepared'
        ? [{ type: 'ShipmentDispatched', data: { orderId, lines, ...command.data } }]
        : refused
    case 'deliver':
      if (status === 'delivered') return []
      return status === 'dispatched' ? [{ type: 'ShipmentDelivered', data: { orderId, lines } }] : refused
    case 'return':
      if (status === 'returned') return []
      return status === 'prepared' || status === 'cancelled'
        ? refused
        : [{ type: 'ShipmentReturned', data: { orderId, lines, ...command.data } }]
    case 'cancel':
      if (status === 'cancelled') return []
      return status === 'prepared' ? [{ type: 'ShipmentCancelled', data: { orderId, ...command.data } }] : refused
    case 'stop':
      if (status === 'prepared') return [{ type: 'ShipmentCancelled', data: { orderId, ...command.data } }]
      return status === 'dispatched' || status === 'delivered'
        ? [{ type: 'ShipmentRecalled', data: { orderId, ...command.data } }]
        : []
  }
}

/**
 * An order's shipment: prepared, then either cancelled or dispatched, once. A dispatched shipment can be
 * delivered, recalled and returned.
 */
export const shipment: Decider<Shipment, ShipmentCommand, ShipmentEvent> = {
  category: 'shipment',
  commands: shipmentCommands,
  events: shipmentEvents,
  refusals: {
    'shipment-already-prepared': 'The shipment has already been prepared.',
    'shipment-prepared': 'The shipment has not left: it can be neither delivered nor returned.',
    'shipment-dispatched': 'The shipment is on its way: it can only come back.',
    'shipment-delivered': 'The shipment is delivered: it can only come back.',
    'shipment-cancelled': 'The shipment is cancelled: it can no longer leave.',
    'shipment-recalled': 'The shipment is recalled: it can only come back.',
    'shipment-returned': 'The shipment is back: it can no longer change.',
  },
  subject: (shipment) => (shipment.status === 'none' ? undefined : shipment.subject),
  initial: { status: 'none' },
  evolve,
  decide,
}
