import * as z from 'zod'
import { eventType } from '../../core/event.ts'
import { type PublicEvent, published } from '../../core/service.ts'
import type { MultiServiceView, SourceEvent } from '../../core/view.ts'

// Two services that have streams of one name, and a view over both.

export const Placed = eventType('Placed', z.object({ order: z.string(), amount: z.int() }))
export const Closed = eventType('Closed', z.object({ order: z.string() }))
const Noted = eventType('Noted', z.object({ order: z.string(), note: z.string() }))
/** The shop records who placed the order. Others do not learn it. */
const PrivatePlaced = eventType('PlacedBy', z.object({ order: z.string(), amount: z.int(), customer: z.string() }))

export const shop = {
  name: 'shop',
  events: [PrivatePlaced, Closed, Noted],
  publishes: [published(PrivatePlaced, Placed, ({ order, amount }) => ({ order, amount })), published(Closed)],
}
/** The other service has its own meaning of `Closed`. */
export const ClosedBooks = eventType('Closed', z.object({ order: z.string(), balance: z.int() }))
export const books = { name: 'books', events: [ClosedBooks], publishes: [] as readonly PublicEvent[] }

const sources = [
  { service: 'shop', category: 'order', events: [Placed, Closed] },
  { service: 'books', category: 'order', events: [ClosedBooks] },
] as const

export interface Trail {
  readonly order: string
  readonly amount: number
  readonly balance: number
  readonly events: number
}

/** Poison: an order with this amount cannot be applied while the view is broken. */
export const POISON = 13
export const trailFaults = { isBroken: false }

export const trail: MultiServiceView<Trail, SourceEvent<typeof sources>> = {
  kind: 'many-services',
  name: 'trail',
  sources,
  filters: {},
  documentKeys: ({ data }) => [data.order],
  evolve(document = { order: '', amount: 0, balance: 0, events: 0 }, event, order) {
    if (trailFaults.isBroken && event.type === 'Placed' && event.data.amount === POISON) throw new TypeError('poison')
    return {
      order,
      amount: document.amount + (event.type === 'Placed' ? event.data.amount : 0),
      balance: document.balance + ('balance' in event.data ? event.data.balance : 0),
      events: document.events + 1,
    }
  },
  sort: ({ order }) => order,
}
