import * as z from 'zod'
import { type CommandOf, commandType, type Decider, refuse } from '../../core/decider.ts'
import { type StockEvent, stockEvents } from './events.ts'

const units = z.int().min(1).max(1_000_000_000)
const orderId = z.string().min(1)

const stockCommands = [
  commandType('receive', z.strictObject({ quantity: units }), { creates: true }),
  commandType(
    'adjust',
    z.strictObject({ change: z.int().min(-1_000_000_000).max(1_000_000_000), reason: z.string().min(1).max(500) }),
  ),
  // Creates: an order may name a product that there never was any of, and is answered for ever.
  commandType('reserve', z.strictObject({ orderId, quantity: units }), { creates: true }),
  commandType('release', z.strictObject({ orderId })),
  commandType('ship', z.strictObject({ orderId })),
  commandType('restock', z.strictObject({ orderId, quantity: units })),
] as const

export type StockCommand = CommandOf<(typeof stockCommands)[number]>

interface Stock {
  readonly onHand: number
  /** Of all reservations. */
  readonly reserved: number
  /** Units by order, as long as they are reserved: neither released nor shipped. */
  readonly reservations: Readonly<Record<string, number>>
}

function evolve(stock: Stock, event: StockEvent): Stock {
  switch (event.type) {
    case 'StockReceived':
      return { ...stock, onHand: stock.onHand + event.data.quantity }
    case 'StockAdjusted':
      return { ...stock, onHand: stock.onHand + event.data.change }
    case 'UnitsReserved': {
      const { orderId, quantity } = event.data
      return {
        ...stock,
        reserved: stock.reserved + quantity,
        reservations: { ...stock.reservations, [orderId]: quantity },
      }
    }
    case 'UnitsDeclined':
      return stock
    case 'UnitsReleased':
    case 'UnitsShipped': {
      const { [event.data.orderId]: _, ...reservations } = stock.reservations
      const onHand = stock.onHand - (event.type === 'UnitsShipped' ? event.data.quantity : 0)
      return { onHand, reserved: stock.reserved - event.data.quantity, reservations }
    }
    case 'UnitsReturned':
      return { ...stock, onHand: stock.onHand + event.data.quantity }
  }
}

// By own names alone: an order may be called `constructor`.
function reservedFor(reservations: Stock['reservations'], orderId: string): number | undefined {
  return Object.hasOwn(reservations, orderId) ? reservations[orderId] : undefined
}

/** The stock of one product: never are more units reserved than there are. */
export const stock: Decider<Stock, StockCommand, StockEvent> = {
  category: 'stock',
  commands: stockCommands,
  events: stockEvents,
  initial: { onHand: 0, reserved: 0, reservations: {} },
  evolve,
  decide({ onHand, reserved, reservations }, command, { id: sku }) {
    switch (command.type) {
      case 'receive':
        return [{ type: 'StockReceived', data: { sku, quantity: command.data.quantity } }]
      case 'adjust': {
        const { change, reason } = command.data
        if (change === 0) return []
        if (onHand + change < reserved)
          return refuse('stock-reserved', `of ${onHand} on hand ${reserved} are reserved for orders`)
        return [{ type: 'StockAdjusted', data: { sku, change, reason } }]
      }
      case 'reserve': {
        const { orderId, quantity } = command.data
        if (reservedFor(reservations, orderId) !== undefined) return []
        const available = onHand - reserved
        if (quantity > available)
          return [{ type: 'UnitsDeclined', data: { sku, orderId, requested: quantity, available } }]
        return [{ type: 'UnitsReserved', data: { sku, orderId, quantity } }]
      }
      case 'release': {
        const { orderId } = command.data
        const quantity = reservedFor(reservations, orderId)
        return quantity === undefined ? [] : [{ type: 'UnitsReleased', data: { sku, orderId, quantity } }]
      }
      case 'ship': {
        const { orderId } = command.data
        const quantity = reservedFor(reservations, orderId)
        if (quantity === undefined) return refuse('stock-not-reserved', `nothing of ${sku} is reserved for ${orderId}`)
        return [{ type: 'UnitsShipped', data: { sku, orderId, quantity } }]
      }
      case 'restock':
        return [{ type: 'UnitsReturned', data: { sku, ...command.data } }]
    }
  },
}
