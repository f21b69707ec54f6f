import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { DomainEvent, EventType } from './event.ts'
import type { JsonOnly } from './json.ts'

/** The domain says no: an answer, not an error. The code is stable, and the decider declares it. */
export interface Refusal {
  readonly refusal: string
  readonly detail: string
}

/** What a decider answers: the events that happen (none: there is nothing to do), or a refusal. */
export type Decision<Event> = readonly Event[] | Refusal

/**
 * Refuses a command: a decider returns it.
 * @param refusal a code that the decider declares in `refusals`; clients get it as the `code` of the problem. @param detail for people.
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

/** A command and its data, already checked against its schema. */
export interface Command<Name extends string = string, Data = unknown> {
  readonly type: Name
  readonly data: Data
}

/** The declaration of a command. */
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

/** What a decision may depend on besides state and command: all of it passed in, so that deciding is pure. */
export interface DecisionContext {
  /** The aggregate's id: `1` of stream `order-1`. */
  readonly id: string
  /** RFC 3339, UTC: by the store's clock, and never before the stream's last event. */
  readonly now: string
}

/**
 * An aggregate: a state folded from its stream's events, and decisions made on that state. Pure: no I/O, no clock, no ids.
 * `evolve` never fails and never decides; `decide` never changes state.
 */
export interface Decider<State, Cmd extends Command, Event extends DomainEvent> {
  /** 1 to 27 lower-case letters and digits: the first part of the names of its streams. */
  readonly category: string
  readonly commands: readonly CommandType[]
  readonly events: readonly EventType[]
  /**
   * What it may refuse with: each code, and what it means, in a sentence for clients. docs/errors.md and OpenAPI tell it. Absent: it refuses nothing.
   * @example { 'order-cancelled': 'The order is cancelled: nothing more happens to it.' }
   */
  readonly refusals?: Readonly<Record<string, string>>
  readonly initial: State
  /**
   * Keeps snapshots of the state, so that a long stream is not folded as a whole. From 1; raise it with every change of `evolve`, or of the state's
   * shape or meaning. The state must be plain JSON then. Absent: no snapshots.
   */
  readonly stateVersion?: number
  evolve(state: State, event: Event): State
  decide(state: State, command: Cmd, context: DecisionContext): Decision<Event>
}

/** A decider whose types nobody needs to know: what the flow handles. */
// biome-ignore lint/suspicious/noExplicitAny: a list of deciders of different types has no narrower common type.
export type AnyDecider = Decider<any, any, any>
