import type { AnyDecider, Command, Decider } from './decider.ts'
import type { DomainEvent, EventType, Recorded } from './event.ts'
import type { AnyReaction, ImmediateReaction, SchedulingReaction } from './reaction.ts'
import { formatEventPosition } from './stream.ts'

/**
 * The events of one category that a process manager receives, and the command each leads to.
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
 *   correlate: ({ data: { shelf, title } }) => ({ id: shelf, command: { type: 'open', data: { title } } }),
 * }
 * ```
 */
export interface ProcessInput<Event extends DomainEvent, Cmd extends Command> {
  /** The service that publishes these events; may be its own. */
  readonly service: string
  readonly category: string
  readonly events: readonly EventType[]
  /** Where a new input starts: see `Reaction`. */
  readonly startsAt: 'first' | 'now'
  /**
   * The id of the process an event belongs to, and the command that records the event there. Undefined skips
   * the event.
   */
  correlate(event: Recorded<Event>): { readonly id: string; readonly command: Cmd } | undefined
}

/**
 * Coordinates several services (a saga). It is a decider: its commands are its inputs, and its events record
 * what it decided, one stream per process. So it can be replayed, inspected and tested like any aggregate. A
 * reaction to its events sends commands to its own service, now or later. Other services learn what to do
 * from its public events.
 *
 * Inputs from different sources can arrive in any order, late and more than once. Each is recorded once,
 * because the command's id is the event's position. The decider must be total and end well in any order.
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
  /** One per input, and one to its own events. */
  readonly reactions: readonly AnyReaction[]
}

// biome-ignore lint/suspicious/noExplicitAny: a list of inputs of different events has no narrower common type.
type AnyInput<Cmd extends Command> = ProcessInput<any, Cmd>

/** The reaction to a process's own events. The process manager sets its name and category. */
type NextStep<Event extends DomainEvent> =
  | Omit<ImmediateReaction<Event>, 'name' | 'category'>
  | Omit<SchedulingReaction<Event>, 'name' | 'category'>

/**
 * Declares a process manager.
 * @param name the prefix of its reactions' names: `<name>-<category>` for an input, `<name>-steps` for its
 *   own events.
 * @param handler the reaction to its own events.
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
 *       correlate: ({ stream, data }: EventOf<typeof Unlocked> & { stream: string }) => ({
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
        if (correlated) await send(decider, correlated.id, formatEventPosition(event), correlated.command)
      },
    }),
  )
  return { decider, reactions: [...inputReactions, { ...handler, name: `${name}-steps`, category: decider.category }] }
}
