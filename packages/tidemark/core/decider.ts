import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { DomainEvent, EventType } from './event.ts'
import type { JsonOnly } from './json.ts'
import { listPersonalFields } from './personal.ts'

/**
 * A refusal by the domain: a regular result, not an error. The code is stable, and the decider declares it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Refusal, refuse } from 'tidemark'
 *
 * // Two commands share one reason for refusal, so its text is defined once.
 * const alreadyLent = (reader: string): Refusal => refuse('book-lent', `${reader} has it`)
 * assert.deepEqual(alreadyLent('Anna'), { outcome: 'refused', code: 'book-lent', detail: 'Anna has it' })
 * ```
 */
export interface Refusal<Code extends string = string> {
  readonly outcome: 'refused'
  readonly code: Code
  readonly detail: string
}

/**
 * The result of `decide`: the events that happen (none if there is nothing to do), or a refusal.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Decision, type DomainEvent, isRefusal, refuse } from 'tidemark'
 *
 * const summary = (decision: Decision<DomainEvent>): string =>
 *   isRefusal(decision) ? `refused: ${decision.detail}` : `${decision.length} events`
 * assert.equal(summary([{ type: 'Returned', data: {} }]), '1 events')
 * assert.equal(summary(refuse('book-lost', 'nobody has it')), 'refused: nobody has it')
 * ```
 */
export type Decision<Event> = readonly Event[] | Refusal

/**
 * Refuses a command. A decider returns the result.
 * @param code one that the decider declares in `refusals`. Clients get it as the problem's `code`.
 * @param detail a text for people.
 * @example
 * ```ts
 * import { type Decision, type DomainEvent, refuse } from 'tidemark'
 *
 * export function close(isOpen: boolean): Decision<DomainEvent> {
 *   return isOpen ? [{ type: 'Closed', data: {} }] : refuse('entry-closed', 'it was closed on Monday')
 * }
 * ```
 */
export function refuse<const Code extends string>(code: Code, detail: string): Refusal<Code> {
  return { outcome: 'refused', code, detail }
}

/**
 * Whether a decision is a refusal.
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
  return 'outcome' in decision
}

/**
 * A command and its data, already checked against its schema.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Command } from 'tidemark'
 *
 * type Lend = Command<'lend', { reader: string; days: number }>
 * // Tests and reactions create the command the same way, with typed data.
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
  /**
   * True if the command may start a stream. Any other command to an empty stream fails with
   * `stream-not-found`.
   */
  readonly creates: boolean
}

/**
 * Declares a command.
 * @param schema any Standard Schema of its data, such as Zod's, limited to JSON. Data that does not fit is
 *   refused with `invalid-command`, and nothing is decided.
 * @param options `creates`: whether the command may start a stream; default false.
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
  // A mark that is not found would leave its text in the log's fingerprint.
  listPersonalFields(schema)
  return { name, schema, creates: options.creates ?? false }
}

/** The commands of a declaration: `CommandOf<(typeof orderCommands)[number]>`. */
export type CommandOf<Type> = Type extends CommandType<infer Name, infer Data> ? Command<Name, Data> : never

/**
 * The inputs of a decision besides state and command. They are passed in, so `decide` is pure.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Decision, type DecisionContext, type DomainEvent, refuse } from 'tidemark'
 *
 * // It reads no clock, so the same arguments always lead to the same decision.
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
  /** RFC 3339, UTC, by the store's clock. Never before the stream's last event. */
  readonly now: string
}

/**
 * An aggregate: a state folded from the events of its stream, and the decisions made on that state. Pure: no
 * I/O, no clock, no id generation. `evolve` never fails and never decides; `decide` never changes state.
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
 * // After the third ring there is nothing to do.
 *   decide: (rings) => (rings < 3 ? [{ type: 'Rung', data: {} }] : []),
 * }
 * ```
 */
export interface Decider<State, Cmd extends Command, Event extends DomainEvent> {
  /** 1 to 27 lower-case letters and digits: the first part of its streams' names. */
  readonly category: string
  readonly commands: readonly CommandType[]
  readonly events: readonly EventType[]
  /**
   * The refusals: each code with a sentence for clients, such as `{ 'order-cancelled': 'The order is
   * cancelled: nothing more happens to it.' }`. docs/errors.md and OpenAPI list them. Absent: it refuses
   * nothing. `stream-not-found` is not declared: the runtime refuses with it before `decide` sees an empty
   * stream. A state that only the compiler still allows there is refused with it too.
   */
  readonly refusals?: Readonly<Record<string, string>>
  readonly initial: State
  /**
   * Turns on snapshots of the state, so that a long stream is not folded from its first event. Starts at 1.
   * Raise it with every change of `evolve`, or of the state's shape or meaning. The state must then be plain
   * JSON. Absent: no snapshots.
   */
  readonly stateVersion?: number
  /**
   * The person whose data the stream's events hold: an opaque id, such as a customer's. It is asked on the state
   * after each event with personal fields, and such an event must have one. `tidemark forget` takes the same
   * id. Absent: no event of this decider has personal fields.
   */
  subject?(state: State): string | undefined
  evolve(state: State, event: Event): State
  decide(state: State, command: Cmd, context: DecisionContext): Decision<Event>
}

/**
 * A decider of any type, as tools and the runtime handle it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { AnyDecider } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * const listRefusals = ({ category, refusals = {} }: AnyDecider): readonly string[] =>
 *   Object.keys(refusals).map((code) => `${category}: ${code}`)
 * assert.deepEqual(entries.deciders.flatMap(listRefusals), ['entry: entry-already-open'])
 * ```
 */
// biome-ignore lint/suspicious/noExplicitAny: a list of deciders of different types has no narrower common type.
export type AnyDecider = Decider<any, any, any>
