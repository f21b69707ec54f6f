import { z } from 'zod'
import { type CommandOf, commandType, type Decider, refuse } from '../../core/decider.ts'
import { type DomainEvent, type EventType, eventType, retired } from '../../core/event.ts'
import type { ImmediateReaction } from '../../core/reaction.ts'
import type { Service } from '../../core/service.ts'
import { formatEventPosition } from '../../core/stream.ts'
import type { SingleStreamView } from '../../core/view.ts'

const place = z.strictObject({ to: z.string() })
const Moved = eventType('Moved', place)
const Washed = eventType('Washed', z.strictObject({}))

/** The events of each release: `Moved` is announced to become `Relocated`, and then is; `Washed` is retired. */
const RELEASES: Readonly<Record<string, readonly [move: EventType, wash: EventType]>> = {
  n: [Moved, Washed],
  'n+1': [Moved.becoming('Relocated'), Washed],
  'n+2': [eventType('Relocated', place).formerly('Moved'), retired('Washed')],
}

const commands = [
  commandType('move', place, { creates: true }),
  commandType('wash', z.strictObject({}), { creates: true }),
] as const

/** A visit of a city, one stream for each. */
const visits: Decider<number, { readonly type: 'visit'; readonly data: { readonly city: string } }, DomainEvent> = {
  category: 'visit',
  commands: [commandType('visit', z.strictObject({ city: z.string() }), { creates: true })],
  events: [eventType('Visited', z.strictObject({ city: z.string() }))],
  initial: 0,
  evolve: (count) => count + 1,
  decide: (_, { data }) => [{ type: 'Visited', data }],
}

/**
 * A service with vans in one of its releases. It uses ordering's database, since the local cloud has no other.
 * @param release `n`, `n+1` or `n+2`
 */
export function buildFleet(release: string) {
  const [move, wash] = RELEASES[release] ?? []
  if (move === undefined || wash === undefined) throw new RangeError(`there is no release ${release}`)
  const van: Decider<string, CommandOf<(typeof commands)[number]>, DomainEvent<string, { readonly to: string }>> = {
    category: 'van',
    commands,
    events: [move, wash],
    refusals: { 'van-there': 'The van is there already.' },
    initial: '',
    evolve: (city, { type, data }) => (type === move.name ? data.to : city),
    decide(city, { type, data }) {
      // Only the first release washes: code that does not write a type comes before the code that retires it.
      if (type === 'wash') return release === 'n' ? [{ type: 'Washed', data: {} as never }] : []
      return data.to === city ? refuse('van-there', 'it is there') : [{ type: move.name, data }]
    },
  }
  const view: SingleStreamView<{ cities: readonly string[]; washes: number }, DomainEvent<string, { to: string }>> = {
    kind: 'one-stream',
    name: 'order',
    category: 'van',
    filters: {},
    evolve(document = { cities: [], washes: 0 }, { type, data }) {
      if (type === move.name) return { ...document, cities: [...document.cities, data.to] }
      return { ...document, washes: document.washes + 1 }
    },
    sort: () => '',
  }
  const visiting: ImmediateReaction<DomainEvent<string, { readonly to: string }>> = {
    name: 'visiting',
    service: 'ordering',
    category: 'van',
    events: [move],
    startsAt: 'first',
    async react(event, send) {
      await send(visits, event.data.to, formatEventPosition(event), { type: 'visit', data: { city: event.data.to } })
    },
  }
  const service: Service = {
    name: 'ordering',
    deciders: [van, visits],
    publishes: [],
    views: [view],
    reactions: [visiting],
  }
  return { service, van, view }
}
