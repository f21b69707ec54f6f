import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { DomainEvent, EventType } from './event.ts'
import type { JsonOnly } from './json.ts'

/**
 * The domain says no: an answer, not an error. The code is stable, and the decider declares it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Refusal, refuse } from 'tidemark'
 *
 * // Two commands are refused for one reason: the words for it stand in one place.
 * const alreadyLent = (reader: string): Refusal => refuse('book-lent', `${reader} has it`)
 * assert.deepEqual(alreadyLent('Anna'), { refusal: 'book-lent', detail: 'Anna has it' })
 * ```
 */
export interface Refusal {
  readonly refusal: string
  readonly detail: string
}

/**
 * What a decider answers: the events that happen (none: there is nothing to do), or a refusal.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Decision, type DomainEvent, isRefusal } from 'tidemark'
 *
 * const summary = (decision: Decision<DomainEvent>): string =>
 *   isRefusal(decision) ? `refused: ${decision.detail}` : `${decision.length} events`
 * assert.equal(summary([{ type: 'Returned', data: {} }]), '1 events')
 * assert.equal(summary({ refusal: 'book-lost', detail: 'nobody has it' }), 'refused: nobody has it')
 * ```
 */
export type Decision<Event> = readonly Event[] | Refusal

/**
 * Refuses a command: a decider returns it.
 * @param refusal a code that the decider declares in `refusals`; clients get it as the `code` of the problem.
 * @param detail for people.
 * @example
 * ```ts
 * import { type Decision, type DomainEvent, refuse } from 'tidemark'
 *
 * export function close(isOpen: boolean): Decision<DomainEvent> {
 *   return isOpen ? [{ type: 'Closed', data: {} }] : refuse('entry-closed', 'it was closed on Monday')
 * }
 * ```
 */
export function refuse(refusal: string, detail: string): Refusal {
  return { refusal, detail }
}

/**
 * Whether a decision is a refusal, and no list of events.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { isRefusal, refuse } from 'tidemark'
 *
 * assert.ok(isRefusal(refuse('entry-closed', 'it was closed on Monday')))
 * assert.ok(!isRefusal([{ type: 'Opened', data: { title: 'a title' } }]))
 * ```
 */
export function isRefusal(decision: Decision<unknown>): decision is Refusal {
  return 'refusal' in decision
}

/**
 * A command and its data, already checked against its schema.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Command } from 'tidemark'
 *
 * type Lend = Command<'lend', { reader: string; days: number }>
 * // Tests and reactions make the command alike, and the compiler knows its data.
 * const lendTo = (reader: string): Lend => ({ type: 'lend', data: { reader, days: 14 } })
 * assert.equal(lendTo('Anna').data.days, 14)
 * ```
 */
export interface Command<Name extends string = string, Data = unknown> {
  readonly type: Name
  readonly data: Data
}

/**
 * The declaration of a command.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type CommandType, commandType } from 'tidemark'
 * import * as z from 'zod'
 *
 * const commands: readonly CommandType[] = [
 *   commandType('buy', z.strictObject({ title: z.string() }), { creates: true }),
 *   commandType('lend', z.strictObject({ reader: z.string() })),
 * ]
 * const first = commands.filter(({ creates }) => creates)
 * assert.equal(first[0]?.name, 'buy')
 * ```
 */
export interface CommandType<Name extends string = string, Data = unknown> {
  readonly name: Name
  readonly schema: StandardSchemaV1<unknown, Data>
  /** True where the command may begin a stream; any other is answered `stream-not-found` on one with no event. */
  readonly creates: boolean
}

/**
 * Declares a command.
 * @param schema of its data: any Standard Schema, such as Zod's, of what JSON keeps. Data that do not fit are refused
 *   (`invalid-command`), and nothing is decided.
 * @param options `creates`: whether it may begin a stream; it may not, where it is left out.
 * @example
 * ```ts
 * import { type CommandOf, commandType } from 'tidemark'
 * import * as z from 'zod'
 *
 * const open = commandType('open', z.strictObject({ title: z.string().min(1) }), { creates: true })
 * export const command: CommandOf<typeof open> = { type: 'open', data: { title: 'a title' } }
 * ```
 */
export function commandType<const Name extends string, Data>(
  name: Name,
  schema: StandardSchemaV1<unknown, Data> & NoInfer<JsonOnly<Data>>,
  options: { readonly creates?: boolean } = {},
): CommandType<Name, Data> {
  return { name, schema, creates: options.creates ?? false }
}

/** The commands of a declaration: `CommandOf<(typeof orderCommands)[number]>`. */
export type CommandOf<Type> = Type extends CommandType<infer Name, infer Data> ? Command<Name, Data> : never

/**
 * What a decision may depend on besides state and command: all of it passed in, so that deciding is pure.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Decision, type DecisionContext, type DomainEvent, refuse } from 'tidemark'
 *
 * // It asks no clock: the same arguments lead to the same decision, today and in a test.
 * function lend(due: string, { id, now }: DecisionContext): Decision<DomainEvent> {
 *   return due > now ? [{ type: 'Lent', data: { due } }] : refuse('due-past', `book ${id} would be due before ${now}`)
 * }
 * const decision = lend('2026-03-15T12:00:00.000Z', { id: '7', now: '2026-03-01T12:00:00.000Z' })
 * assert.deepEqual(decision, [{ type: 'Lent', data: { due: '2026-03-15T12:00:00.000Z' } }])
 * ```
 */
export interface DecisionContext {
  /** The aggregate's id: `1` of stream `order-1`. */
  readonly id: string
  /** RFC 3339, UTC: by the store's clock, and never before the stream's last event. */
  readonly now: string
}

/**
 * An aggregate: a state folded from its stream's events, and decisions made on that state. Pure: no I/O, no
 * clock, no ids. `evolve` never fails and never decides; `decide` never changes state.
 * @example
 * ```ts
 * import { type Command, commandType, type Decider, type DomainEvent, eventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * export const bell: Decider<number, Command<'ring', object>, DomainEvent<'Rung', object>> = {
 *   category: 'bell',
 *   commands: [commandType('ring', z.strictObject({}), { creates: true })],
 *   events: [eventType('Rung', z.object({}))],
 *   initial: 0,
 *   evolve: (rings) => rings + 1,
 *   // From the fourth ring on there is nothing to do.
 *   decide: (rings) => (rings < 3 ? [{ type: 'Rung', data: {} }] : []),
 * }
 * ```
 */
export interface Decider<State, Cmd extends Command, Event extends DomainEvent> {
  /** 1 to 27 lower-case letters and digits: the first part of the names of its streams. */
  readonly category: string
  readonly commands: readonly CommandType[]
  readonly events: readonly EventType[]
  /**
   * What it may refuse with: each code, and what it means, in a sentence for clients. docs/errors.md and
   * OpenAPI tell it. Absent: it refuses nothing. Such as `{ 'order-cancelled': 'The order is cancelled:
   * nothing more happens to it.' }`.
   */
  readonly refusals?: Readonly<Record<string, string>>
  readonly initial: State
  /**
   * Keeps snapshots of the state, so that a long stream is not folded as a whole. From 1; raise it with every
   * change of `evolve`, or of the state's shape or meaning. The state must be plain JSON then. Absent: no
   * snapshots.
   */
  readonly stateVersion?: number
  evolve(state: State, event: Event): State
  decide(state: State, command: Cmd, context: DecisionContext): Decision<Event>
}

/**
 * A decider whose types nobody needs to know: what tools and the data path handle.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { AnyDecider } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * const refusalsOf = ({ category, refusals = {} }: AnyDecider): readonly string[] =>
 *   Object.keys(refusals).map((code) => `${category}: ${code}`)
 * assert.deepEqual(entries.deciders.flatMap(refusalsOf), ['entry: entry-already-open'])
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: a list of deciders of different types has no narrower common type.
export type AnyDecider = Decider<any, any, any>
