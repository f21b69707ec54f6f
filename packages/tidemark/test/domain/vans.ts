import { z } from 'zod'
import { type Command, commandType, type Decider } from '../../core/decider.ts'
import { type DomainEvent, type EventOf, eventType, retired } from '../../core/event.ts'
import type { ImmediateReaction } from '../../core/reaction.ts'
import { published, type Service } from '../../core/service.ts'
import { formatEventPosition } from '../../core/stream.ts'
import type { MultiStreamView, SingleStreamView } from '../../core/view.ts'

// A service whose events were renamed, split, merged and retired over the years.

const item = z.object({ item: z.string() })

/** The events as earlier code declared them. */
const movedFirst = eventType('Moved', z.object({ to: z.string() }))
export const Moved = movedFirst.additive(z.object({ to: z.string(), by: z.string() }), (data) => ({ ...data, by: '' }))
export const OldExchanged = eventType('Exchanged', z.object({ out: z.string(), in: z.string() }))
export const OldWashed = eventType('Washed', z.object({ soap: z.int() }))

/** Versions 1 and 2 were written as Moved, and are merged. Version 3 is the first with the new name. */
export const Relocated = eventType('Relocated', z.object({ to: z.string(), by: z.string().optional() }), {
  through: 2,
  readableFrom: 1,
})
  .breaking(z.object({ city: z.string(), by: z.string() }), ({ to, by = '' }) => ({ city: to, by }))
  .formerly('Moved')
export const Loaded = eventType('Loaded', item)
export const Unloaded = eventType('Unloaded', item)
export const Exchanged = OldExchanged.readAs([Unloaded, Loaded], (data) => [
  { type: 'Unloaded', data: { item: data.out } },
  { type: 'Loaded', data: { item: data.in } },
])

type VanEvent = EventOf<typeof Relocated | typeof Loaded | typeof Unloaded | typeof Exchanged>
type Load = Command<'load', { item: string }>
interface Van {
  readonly city: string
  readonly seen: readonly string[]
}

const see = ({ type, data }: DomainEvent): string => `${type} ${JSON.stringify(data)}`

export const van: Decider<Van, Load, VanEvent> = {
  category: 'van',
  commands: [commandType('load', item, { creates: true })],
  events: [Relocated, Loaded, Unloaded, Exchanged, retired('Washed')],
  initial: { city: '', seen: [] },
  stateVersion: 1,
  evolve: ({ city, seen }, event) => ({
    city: event.type === 'Relocated' ? event.data.city : city,
    seen: [...seen, see(event)],
  }),
  decide: (_, { data }) => [{ type: 'Loaded', data }],
}

type Note = Command<'note', { what: string }>

/** Records what the reaction noted, one stream for each van. */
export const ledger: Decider<null, Note, DomainEvent<'Noted', { what: string }>> = {
  category: 'ledger',
  commands: [commandType('note', z.object({ what: z.string() }), { creates: true })],
  events: [eventType('Noted', z.object({ what: z.string() }))],
  initial: null,
  evolve: () => null,
  decide: (_, { data }) => [{ type: 'Noted', data }],
}

/** It names the newest types alone, and still gets what the ended ones are read as. */
export const notes: ImmediateReaction<EventOf<typeof Loaded | typeof Unloaded | typeof Relocated>> = {
  name: 'notes',
  service: 'vans',
  category: 'van',
  events: [Relocated, Loaded, Unloaded],
  startsAt: 'first',
  react: async (event, send) => {
    await send(ledger, event.stream, formatEventPosition(event), { type: 'note', data: { what: see(event) } })
  },
}

/** A view of all events of its category. */
export const vanView: SingleStreamView<{ seen: readonly string[] }, VanEvent> = {
  kind: 'one-stream',
  name: 'van',
  category: 'van',
  filters: {},
  evolve: (document, event) => ({ seen: [...(document?.seen ?? []), see(event)] }),
  sort: () => '',
}

/** The loads and unloads of each item, of all vans. It names the newest types alone. */
export const itemView: MultiStreamView<{ loads: number; unloads: number }, EventOf<typeof Loaded | typeof Unloaded>> = {
  kind: 'many-streams',
  name: 'item',
  category: 'van',
  events: [Loaded, Unloaded],
  filters: {},
  documentKeys: ({ data }) => [data.item],
  evolve: (document, { type }) => ({
    loads: (document?.loads ?? 0) + (type === 'Loaded' ? 1 : 0),
    unloads: (document?.unloads ?? 0) + (type === 'Unloaded' ? 1 : 0),
  }),
  sort: () => '',
}

export const vans: Service = {
  name: 'vans',
  deciders: [van, ledger],
  publishes: [published(Loaded)],
  views: [vanView, itemView],
  reactions: [notes],
}
