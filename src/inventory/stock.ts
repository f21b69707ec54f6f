import {
  type CommandOf,
  commandType,
  type Decider,
  type Decision,
  type DecisionContext,
  type Refusal,
  refuse,
} from 'tidemark'
import * as z from 'zod'
import { type StockEvent, stockEvents } from './events.ts'

const units = z.int().min(1).max(1_000_000_000)
const orderId = z.string().min(1)

const stockCommands = [
  commandType('receive', z.strictObject({ quantity: units }), { creates: true }),
  commandType(
    'adjust',
    z.strictObject({ change: z.int().min(-1_000_000_000).max(1_000_000_000), reason: z.string().min(1).max(500) }),
  ),
  // Creates: an order may name a product that never had stock, and its answer must be recorded.
  commandType('reserve', z.strictObject({ orderId, quantity: units }), { creates: true }),
  commandType('release', z.strictObject({ orderId, quantity: units })),
  commandType('ship', z.strictObject({ orderId, quantity: units })),
  commandType('restock', z.strictObject({ orderId, quantity: units })),
] as const

export type StockCommand = CommandOf<(typeof stockCommands)[number]>

/** Only counts, so its size does not grow with open orders. Each reservation records its own units. */
interface Stock {
  readonly onHand: number
  /** Units of all orders together that are neither released nor shipped. */
  readonly reserved: number
}

function evolve(stock: Stock, event: StockEvent): Stock {
  const { onHand, reserved } = stock
  switch (event.type) {
    case 'StockReceived':
    case 'UnitsReturned':
      return { onHand: onHand + event.data.quantity, reserved }
    case 'StockAdjusted':
      return { onHand: onHand + event.data.change, reserved }
    case 'UnitsReserved':
      return { onHand, reserved: reserved + event.data.quantity }
    case 'UnitsReleased':
      return { onHand, reserved: reserved - event.data.quantity }
    case 'UnitsShipped':
      return { onHand: onHand - event.data.quantity, reserved: reserved - event.data.quantity }
    case 'UnitsDeclined':
      return stock
  }
}

function decide(
  { onHand, reserved }: Stock,
  command: StockCommand,
  { id: sku }: DecisionContext,
): Decision<StockEvent> {
  switch (command.type) {
    case 'receive':
      return [{ type: 'StockReceived', data: { sku, ...command.data } }]
    case 'adjust': {
      const { change, reason } = command.data
      if (change === 0) return []
      if (onHand + change < reserved)
        return refuse('stock-reserved', `${reserved} of ${onHand} units on hand are reserved for orders`)
      return [{ type: 'StockAdjusted', data: { sku, change, reason } }]
    }
    case 'reserve': {
      const { orderId, quantity } = command.data
      const available = onHand - reserved
      if (quantity > available)
        return [{ type: 'UnitsDeclined', data: { sku, orderId, requested: quantity, available } }]
      return [{ type: 'UnitsReserved', data: { sku, orderId, quantity } }]
    }
    case 'release':
      return tooMany(command.data, reserved) ?? [{ type: 'UnitsReleased', data: { sku, ...command.data } }]
    case 'ship':
      return tooMany(command.data, reserved) ?? [{ type: 'UnitsShipped', data: { sku, ...command.data } }]
    case 'restock':
      return [{ type: 'UnitsReturned', data: { sku, ...command.data } }]
  }
}

/**
 * The last line of defence against a wrong sender: refuses if fewer units are reserved, for all orders
 * together, than the command names.
 */
function tooMany(
  { orderId, quantity }: { readonly orderId: string; readonly quantity: number },
  reserved: number,
): Refusal | undefined {
  if (quantity <= reserved) return undefined
  return refuse(
    'stock-not-reserved',
    `${quantity} units requested for ${orderId}, but only ${reserved} are reserved for all orders`,
  )
}

/**
 * The stock of one product. It never reserves more units than are on hand.
 *
 * It does not record which order has which units. An order is answered once, because `reserve` always leaves
 * an event under one idempotency key. Its units are released or shipped once, because its reservation decides
 * which, and that command has one key too.
 */
export const stock: Decider<Stock, StockCommand, StockEvent> = {
  category: 'stock',
  commands: stockCommands,
  events: stockEvents,
  refusals: {
    'stock-reserved': 'The stock cannot be adjusted below the number of units reserved for orders.',
    'stock-not-reserved': 'Too few units are reserved: nothing is released or shipped.',
  },
  initial: { onHand: 0, reserved: 0 },
  // A popular product has a long stream.
  stateVersion: 1,
  evolve,
  decide,
}
