import type { Command, Decider } from './decider.ts'
import type { DomainEvent, EventType, Recorded } from './event.ts'

/**
 * What became of a command.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Sent } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * // A repeat brings the same events, so what a reaction makes of them is the same too.
 * const readTitles = ({ events }: Sent<Opened>): readonly string[] => events.map(({ data }) => data.title)
 * assert.deepEqual(readTitles({ events: [{ type: 'Opened', data: { title: 'spring' } }] }), ['spring'])
 * assert.deepEqual(readTitles({ events: [], refused: 'entry-already-open' }), [])
 * ```
 */
export interface Sent<Event extends DomainEvent> {
  /**
   * What it led to: those of its first time, however often it is sent. None where it was refused or there was
   * nothing to do.
   */
  readonly events: readonly Event[]
  /** The code of the domain's no. */
  readonly refused?: string
}

/**
 * Sends a command to an aggregate of the reaction's own service. Await it, or return its promise: a reaction
 * that does neither is waited for all the same, fails its tests, and is told of in the log.
 * @param id of the aggregate
 * @param commandId made of the event alone: the same event sends the same command, which takes effect once.
 * @throws TidemarkError `invalid-command` for data that JSON does not keep, `registration-invalid` for a
 * decider that the service does not list, and what the command fails with. What the reaction does not catch
 * brings the event again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Send } from 'tidemark'
 * import { entry } from './entry.ts'
 *
 * // A step that several reactions share.
 * async function tryToOpen(send: Send, door: string): Promise<boolean> {
 *   const { refused } = await send(entry, door, `open:${door}`, { type: 'open', data: { title: door } })
 *   return refused === undefined
 * }
 * assert.ok(await tryToOpen(async () => ({ events: [] }), 'door-1'))
 * ```
 */
export type Send = <State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  id: string,
  commandId: string,
  command: Cmd,
) => Promise<Sent<Event>>

/**
 * Sends a command later, to an aggregate of the reaction's own service: kept before the event is passed, sent
 * when its time has come by the store's clock, through any restart, and decided as of that time or later.
 * @param due RFC 3339, UTC, milliseconds: not before. Of what the aggregate itself recorded, so that a repeat
 * schedules the same.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { SendLater } from 'tidemark'
 * import { entry } from './entry.ts'
 *
 * // An entry for each day, opened at six. The day is one that an event told.
 * const openOn = (sendLater: SendLater, day: string): Promise<void> =>
 *   sendLater(`${day}T06:00:00.000Z`, entry, day, `open:${day}`, { type: 'open', data: { title: day } })
 * const dues: string[] = []
 * await openOn(async (due) => void dues.push(due), '2026-03-01')
 * assert.deepEqual(dues, ['2026-03-01T06:00:00.000Z'])
 * ```
 */
export type SendLater = <State, Cmd extends Command, Event extends DomainEvent>(
  due: string,
  decider: Decider<State, Cmd, Event>,
  id: string,
  commandId: string,
  command: Cmd,
) => Promise<void>

/**
 * Takes a line for the log. `debug`: a refusal that a reaction's command met, which is an outcome and not a
 * fault. `warn`: what is worth a look, such as a command whose first outcome stands although it came with
 * another content. `error`: what needs somebody to act.
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
 * What a service does about events, of another or its own: commands of its own. One stream's events come in
 * their order and each at least once, so everything that `react` does is a command with an id of its own. A
 * domain refusal is an outcome that `react` may act on; what it throws brings the event again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { DomainEvent, Reaction } from 'tidemark'
 * import { firstEntries, laterEntries } from './entries.ts'
 *
 * // Of either kind. `schedules` tells which, and so whether a service needs a schedule.
 * const sendsLater = <Event extends DomainEvent>(reaction: Reaction<Event>): boolean => reaction.schedules ?? false
 * assert.deepEqual([firstEntries, laterEntries].map(sendsLater), [false, true])
 * ```
 */
export type Reaction<Event extends DomainEvent> = ImmediateReaction<Event> | SchedulingReaction<Event>

/** What all reactions declare. */
interface ReactionDeclaration {
  /** Lower-case letters, digits, dashes. */
  readonly name: string
  /** The service whose events these are. Of another it is told what that publishes, of its own all that is recorded. */
  readonly service: string
  /** The category of the streams that are followed. */
  readonly category: string
  /**
   * Those that it reacts to, of the other's contract; all others pass. A reaction that is to follow further
   * events gets a new name: under its old one it has passed them.
   */
  readonly events: readonly EventType[]
  /**
   * Where it begins when it is new: `first`, with the oldest event that the hub still has (7 days), or `now`,
   * with the next one that comes. The first reaction of a service to a hub begins with the oldest, as its
   * consumer group does.
   */
  readonly startsAt: 'first' | 'now'
}

/**
 * A reaction whose commands are all sent at once.
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
 * A reaction that may send a command later: its service gets a schedule, and the timer that looks at it.
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
 *     sendLater(from, entry, stream, 'begin', { type: 'open', data: { title: stream } }),
 * }
 * ```
 */
export interface SchedulingReaction<Event extends DomainEvent> extends ReactionDeclaration {
  readonly schedules: true
  react(event: Recorded<Event>, send: Send, sendLater: SendLater): Promise<void>
}

/**
 * A reaction, whatever it reacts to.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type AnyReaction, listReactions } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * // One list has reactions to different events. Those of one hub share a consumer.
 * const ofHub = (hub: string): readonly AnyReaction[] => listReactions(entries).filter(({ service }) => service === hub)
 * assert.equal(ofHub('doors').length, 1)
 * assert.equal(ofHub('entries').length, 0)
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: a list of reactions of different types has no narrower common type.
export type AnyReaction = Reaction<any>

/** A reaction's name beyond its service: the first part of its commands' keys. */
export function formatConsumerName(service: string, reaction: AnyReaction): string {
  return `${service}-${reaction.name}`
}
