import type { Command, Decider, Refusal } from './decider.ts'
import type { DomainEvent, EventType, Recorded } from './event.ts'

/**
 * The outcome of a command that a reaction sent.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { refuse, type Sent } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * // A repeat returns the same events, so the reaction derives the same from them.
 * const readTitles = ({ events }: Sent<Opened>): readonly string[] => events.map(({ data }) => data.title)
 * const opened: Opened = { type: 'Opened', data: { title: 'spring' } }
 * assert.deepEqual(readTitles({ outcome: 'done', events: [opened] }), ['spring'])
 * assert.deepEqual(readTitles({ ...refuse('entry-already-open', 'since noon'), events: [] }), [])
 * ```
 */
export type Sent<Event extends DomainEvent> = ({ readonly outcome: 'done' } | Refusal) & {
  /**
   * The events the command led to when it first took effect, however often it is sent. Empty if it was
   * refused or there was nothing to do.
   */
  readonly events: readonly Event[]
}

/**
 * Sends a command to an aggregate of the reaction's own service. Await it, or return its promise. If a
 * reaction does neither, the runtime still waits for it and logs it, and its tests fail.
 * @param id the aggregate's id
 * @param commandId derived from the event alone: the same event sends the same command, which takes effect
 *   once.
 * @throws TidemarkError `invalid-command` if JSON does not keep the data, `registration-invalid` if the
 *   service does not list the decider, and any error of the command. If the reaction does not catch an error,
 *   the event is delivered again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Send } from 'tidemark'
 * import { entry } from './entry.ts'
 *
 * // A step that several reactions share.
 * async function tryToOpen(send: Send, door: string): Promise<boolean> {
 *   const sent = await send(entry, door, `open:${door}`, { type: 'open', data: { title: door } })
 *   return sent.outcome === 'done'
 * }
 * assert.ok(await tryToOpen(async () => ({ outcome: 'done', events: [] }), 'door-1'))
 * ```
 */
export type Send = <State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  id: string,
  commandId: string,
  command: Cmd,
) => Promise<Sent<Event>>

/**
 * Schedules a command to an aggregate of the reaction's own service. The command is stored before the event
 * counts as handled, so it survives restarts. It is sent when it is due by the store's clock. The decider's
 * `now` is `due` or later.
 * @param schedule `commandId`: as for `Send`. `due`: the earliest time, RFC 3339, UTC, milliseconds. Derive
 *   it from recorded data, so that a repeat schedules the same time.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { SendLater } from 'tidemark'
 * import { entry } from './entry.ts'
 *
 * // An entry for each day, opened at six. The day comes from an event.
 * async function openOn(sendLater: SendLater, day: string): Promise<void> {
 *   const schedule = { commandId: `open:${day}`, due: `${day}T06:00:00.000Z` }
 *   await sendLater(entry, day, schedule, { type: 'open', data: { title: day } })
 * }
 * const dues: string[] = []
 * await openOn(async (_decider, _id, { due }) => void dues.push(due), '2026-03-01')
 * assert.deepEqual(dues, ['2026-03-01T06:00:00.000Z'])
 * ```
 */
export type SendLater = <State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  id: string,
  schedule: { readonly commandId: string; readonly due: string },
  command: Cmd,
) => Promise<void>

/**
 * Writes a log line.
 * - `debug`: a refusal of a reaction's command, which is an outcome and not a fault.
 * - `warn`: needs a look, such as a command that was repeated with different content, so its first outcome
 *   stands.
 * - `error`: needs somebody to act.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Trace } from 'tidemark'
 *
 * const lines: string[] = []
 * const trace: Trace = (line, level) => {
 *   if (level !== 'debug') lines.push(`${level}: ${line}`)
 * }
 * trace('entry-1 refused open', 'debug')
 * trace('entry-2 waits', 'error')
 * assert.deepEqual(lines, ['error: entry-2 waits'])
 * ```
 */
export type Trace = (line: string, level: 'debug' | 'info' | 'warn' | 'error') => void

/**
 * A service's reaction to events of another service or its own: it sends commands to its own aggregates.
 * Events of one stream arrive in order, each at least once. So every effect of `react` is a command with its
 * own id. A domain refusal is an outcome that `react` can act on. If `react` throws, the event is delivered
 * again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { DomainEvent, Reaction } from 'tidemark'
 * import { firstEntries, laterEntries } from './entries.ts'
 *
 * // Both kinds of reaction. `schedules` is true if the service needs a schedule.
 * const sendsLater = <Event extends DomainEvent>(reaction: Reaction<Event>): boolean => reaction.schedules ?? false
 * assert.deepEqual([firstEntries, laterEntries].map(sendsLater), [false, true])
 * ```
 */
export type Reaction<Event extends DomainEvent> = ImmediateReaction<Event> | SchedulingReaction<Event>

/** The declaration that all reactions share. */
interface ReactionDeclaration {
  /** Lower-case letters, digits, dashes. */
  readonly name: string
  /**
   * The service that publishes the events. From another service, only its public events arrive; from its own,
   * all recorded events.
   */
  readonly service: string
  /** The category of the streams to follow. */
  readonly category: string
  /**
   * The events it reacts to, from that service's contract; it skips all others. To follow further events,
   * give the reaction a new name: under the old one it has already skipped them.
   */
  readonly events: readonly EventType[]
  /**
   * Where a new reaction starts. `first`: the oldest event the hub still has (7 days). `now`: the next event
   * that arrives. A service's first reaction to a hub always starts with the oldest event, as its consumer
   * group does.
   */
  readonly startsAt: 'first' | 'now'
}

/**
 * A reaction that sends all its commands at once.
 * @example
 * ```ts
 * import type { ImmediateReaction } from 'tidemark'
 * import { Unlocked } from './entries.ts'
 * import { entry } from './entry.ts'
 *
 * export const entryOfDoor: ImmediateReaction<Unlocked> = {
 *   name: 'entry-of-door',
 *   service: 'doors',
 *   category: 'door',
 *   events: [Unlocked],
 *   startsAt: 'first',
 *   react: async ({ stream, version, data }, send) =>
 *     void (await send(entry, stream, `${stream}@${version}`, { type: 'open', data })),
 * }
 * ```
 */
export interface ImmediateReaction<Event extends DomainEvent> extends ReactionDeclaration {
  readonly schedules?: false
  react(event: Recorded<Event>, send: Send): Promise<void>
}

/**
 * A reaction that may send commands later. Its service gets a schedule and the timer that polls it.
 * @example
 * ```ts
 * import { type EventOf, eventType, type SchedulingReaction } from 'tidemark'
 * import * as z from 'zod'
 * import { entry } from './entry.ts'
 *
 * const Booked = eventType('Booked', z.object({ from: z.iso.datetime({ precision: 3 }) }))
 * const followed = { service: 'desk', category: 'booking', events: [Booked], startsAt: 'first' } as const
 * export const bookings: SchedulingReaction<EventOf<typeof Booked>> = {
 *   ...followed,
 *   name: 'bookings',
 *   schedules: true,
 *   react: ({ stream, data: { from } }, _send, sendLater) =>
 *     sendLater(entry, stream, { commandId: 'begin', due: from }, { type: 'open', data: { title: stream } }),
 * }
 * ```
 */
export interface SchedulingReaction<Event extends DomainEvent> extends ReactionDeclaration {
  readonly schedules: true
  react(event: Recorded<Event>, send: Send, sendLater: SendLater): Promise<void>
}

/**
 * A reaction to any events.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type AnyReaction, listReactions } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * // One list holds reactions to different events. Reactions to one hub share a consumer.
 * const listOfHub = (hub: string): readonly AnyReaction[] =>
 *   listReactions(entries).filter(({ service }) => service === hub)
 * assert.equal(listOfHub('doors').length, 1)
 * assert.equal(listOfHub('entries').length, 0)
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: a list of reactions of different types has no narrower common type.
export type AnyReaction = Reaction<any>

/** A reaction's name, prefixed with its service. It starts the keys of the reaction's commands. */
export function formatConsumerName(service: string, reaction: AnyReaction): string {
  return `${service}-${reaction.name}`
}
