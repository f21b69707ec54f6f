import { z } from 'zod'
import { type CommandOf, commandType, type Decider, refuse } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import type { Service } from '../../core/service.ts'
import type { SingleStreamView } from '../../core/view.ts'

const received = z.object({ quantity: z.int().min(1) })
const reserved = received.extend({ orderId: z.string() })
const StockReceived = eventType('StockReceived', received)
const UnitsReserved = eventType('UnitsReserved', reserved)
const UnitsDeclined = eventType('UnitsDeclined', reserved)
const UnitsReleased = eventType('UnitsReleased', reserved)
const events = [StockReceived, UnitsReserved, UnitsDeclined, UnitsReleased] as const
type StockEvent = EventOf<(typeof events)[number]>

const commands = [
  commandType('receive', received.strict(), { creates: true }),
  commandType('reserve', reserved.strict(), { creates: true }),
  commandType('release', reserved.strict()),
] as const

interface Stock {
  readonly available: number
  readonly reserved: number
}

/**
 * A decider with long streams and many writers. Each command appends one event, except a release of something
 * not reserved.
 */
export const stock: Decider<Stock, CommandOf<(typeof commands)[number]>, StockEvent> = {
  category: 'stock',
  commands,
  events,
  refusals: { 'stock-not-reserved': 'Fewer items are reserved.' },
  initial: { available: 0, reserved: 0 },
  stateVersion: 1,
  evolve({ available, reserved }, { type, data: { quantity } }) {
    if (type === 'StockReceived') return { available: available + quantity, reserved }
    if (type === 'UnitsReserved') return { available: available - quantity, reserved: reserved + quantity }
    if (type === 'UnitsReleased') return { available: available + quantity, reserved: reserved - quantity }
    return { available, reserved }
  },
  decide({ available, reserved }, { type, data }) {
    if (type === 'receive') return [{ type: 'StockReceived', data }]
    if (type === 'reserve') return [{ type: data.quantity > available ? 'UnitsDeclined' : 'UnitsReserved', data }]
    return data.quantity > reserved
      ? refuse('stock-not-reserved', `${reserved} are reserved`)
      : [{ type: 'UnitsReleased', data }]
  },
}

export const stockLevel: SingleStreamView<Stock, StockEvent> = {
  kind: 'one-stream',
  name: 'stock-level',
  category: 'stock',
  filters: {},
  evolve: (document, event) => stock.evolve(document ?? stock.initial, event),
  sort: () => 'stock',
}

export const inventory: Service = {
  name: 'inventory',
  deciders: [stock],
  publishes: [],
  views: [stockLevel],
  reactions: [],
}
