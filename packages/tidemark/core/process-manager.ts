import type { AnyDecider, Command, Decider } from './decider.ts'
import type { DomainEvent, EventType, Recorded } from './event.ts'
import type { AnyReaction, ImmediateReaction, SchedulingReaction } from './reaction.ts'
import { formatPosition } from './stream.ts'

/**
 * Events of one category that a process manager hears, and what each is to it.
 * @example
 * ```ts
 * import { type EventOf, eventType, type ProcessInput } from 'tidemark'
 * import * as z from 'zod'
 * import type { Open } from './entry.ts'
 *
 * const Delivered = eventType('Delivered', z.object({ shelf: z.string(), title: z.string() }))
 * export const deliveries: ProcessInput<EventOf<typeof Delivered>, Open> = {
 *   service: 'post',
 *   category: 'parcel',
 *   events: [Delivered],
 *   startsAt: 'now',
 *   hear: ({ data: { shelf, title } }) => ({ id: shelf, command: { type: 'open', data: { title } } }),
 * }
 * ```
 */
export interface ProcessInput<Event extends DomainEvent, Cmd extends Command> {
  /** The service whose events these are, its own among them. */
  readonly service: string
  readonly category: string
  readonly events: readonly EventType[]
  /** Where it begins when it is new: see `Reaction`. */
  readonly startsAt: 'first' | 'now'
  /**
   * The process that an event belongs to, and the command that tells it. Undefined where it is no process's
   * business.
   */
  correlate(event: Recorded<Event>): { readonly id: string; readonly command: Cmd } | undefined
}

/**
 * Leads something through several services: a decider whose commands are what it hears and whose events are
 * what it makes of that, recorded in a stream for each process. So it is replayed, looked at and tested like
 * any other aggregate. What follows from its events, commands to its own service now or later, is a reaction
 * to them; what other services are to do they learn from those that its service publishes.
 *
 * It may hear messages of different sources in any order, late and again: the id of the command that tells it
 * of an event is the event's position, so each is heard once; that any order ends well is its decider's to
 * see to, which has to be total.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ProcessManager, Service } from 'tidemark'
 * import { entries, firstEntries } from './entries.ts'
 * import { entry } from './entry.ts'
 *
 * // A service lists a process manager, and its decider among the others.
 * const withManager = (service: Service, manager: ProcessManager): Service => ({
 *   ...service,
 *   deciders: [...service.deciders, manager.decider],
 *   processes: [manager],
 * })
 * const opening: ProcessManager = { decider: entry, reactions: [firstEntries] }
 * assert.equal(withManager({ ...entries, deciders: [], reactions: [] }, opening).deciders[0], entry)
 * ```
 */
export interface ProcessManager {
  readonly decider: AnyDecider
  /** One for each hearing, and the one to its own events. */
  readonly reactions: readonly AnyReaction[]
}

// biome-ignore lint/suspicious/noExplicitAny: a list of hearings of different events has no narrower common type.
type AnyInput<Cmd extends Command> = ProcessInput<any, Cmd>

/** What follows from a process's own events: a reaction, named and placed by its process. */
type NextStep<Event extends DomainEvent> =
  | Omit<ImmediateReaction<Event>, 'name' | 'category'>
  | Omit<SchedulingReaction<Event>, 'name' | 'category'>

/**
 * Declares a process manager.
 * @param name of its reactions: those that hear are named `<name>-<category>`, the one to its own events
 * `<name>-steps`.
 * @param handler what follows from its own events.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type EventOf, eventType, processManager } from 'tidemark'
 * import * as z from 'zod'
 * import { entry } from './entry.ts'
 *
 * const Unlocked = eventType('Unlocked', z.object({ title: z.string() }))
 * const opening = processManager(
 *   'opening',
 *   entry,
 *   [
 *     {
 *       service: 'doors',
 *       category: 'door',
 *       events: [Unlocked],
 *       startsAt: 'first',
 *       hear: ({ stream, data }: EventOf<typeof Unlocked> & { stream: string }) => ({
 *         id: stream,
 *         command: { type: 'open', data },
 *       }),
 *     },
 *   ],
 *   { service: 'entries', events: [], startsAt: 'first', react: async () => {} },
 * )
 * assert.deepEqual(
 *   opening.reactions.map(({ name }) => name),
 *   ['opening-door', 'opening-steps'],
 * )
 * ```
 */
export function processManager<State, Cmd extends Command, Event extends DomainEvent>(
  name: string,
  decider: Decider<State, Cmd, Event>,
  inputs: readonly AnyInput<Cmd>[],
  handler: NextStep<Event>,
): ProcessManager {
  const inputReactions = inputs.map(
    ({ service, category, events, startsAt, correlate }): AnyReaction => ({
      name: `${name}-${category}`,
      service,
      category,
      events,
      startsAt,
      async react(event, send) {
        const correlated = correlate(event)
        if (correlated) await send(decider, correlated.id, formatPosition(event), correlated.command)
      },
    }),
  )
  return { decider, reactions: [...inputReactions, { ...handler, name: `${name}-steps`, category: decider.category }] }
}
