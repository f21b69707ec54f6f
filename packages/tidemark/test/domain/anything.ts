import { z } from 'zod'
import { type CommandOf, commandType, type Decider } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import { published, type Service } from '../../core/service.ts'
import type { SingleStreamView } from '../../core/view.ts'

const value = z.object({ value: z.json() })
const Kept = eventType('Kept', value)
const Told = eventType('Told', z.object({ told: z.json() }))
const commands = [commandType('keep', z.strictObject({ value: z.json() }), { creates: true })] as const

/** Records any JSON value unchanged. */
export const thing: Decider<null, CommandOf<(typeof commands)[number]>, EventOf<typeof Kept>> = {
  category: 'thing',
  commands,
  events: [Kept],
  initial: null,
  evolve: () => null,
  decide: (_, { data }) => [{ type: 'Kept', data }],
}

interface Thing {
  readonly value: unknown
  readonly at: string
}

export const thingView: SingleStreamView<Thing, EventOf<typeof Kept>> = {
  kind: 'one-stream',
  name: 'thing',
  category: 'thing',
  filters: {},
  evolve: (_, { data, time }) => ({ value: data.value, at: time }),
  sort: ({ at }) => at,
}

/** A service whose events may hold any value, privately and, translated, in public. */
export const anything: Service = {
  name: 'anything',
  deciders: [thing],
  publishes: [published(Kept, Told, ({ value: told }) => ({ told }))],
  views: [thingView],
  reactions: [],
}
