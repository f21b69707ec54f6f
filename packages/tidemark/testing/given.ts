import { AssertionError } from 'node:assert'
import type { CommandMetadata } from '../core/command.ts'
import { type Command, type Decider, type Decision, isRefusal } from '../core/decider.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { DomainEvent, RecordedEvent } from '../core/event.ts'
import { asJson, describeFault } from '../core/json.ts'
import { describeIssues, validate } from '../core/schema.ts'
import { formatStream } from '../core/stream.ts'
import { LIMITS } from '../memory/limits.ts'
import { decide } from '../runtime/command.ts'
import { type AggregateState, emptyState, fold } from '../runtime/fold.ts'
import { decisionTime, record } from '../runtime/record.ts'
import { diffEvents, formatEvents, formatValue, refuseAwait } from './format.ts'
import { moment } from './moment.ts'
import { freezeDeep, pure } from './pure.ts'
import { recordGiven } from './record-given.ts'
import type { Given } from './recorded-as.ts'

/**
 * A decider's decision. Each expectation throws AssertionError if it is not met.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { isRefusal } from 'tidemark'
 * import { type Decided, given } from 'tidemark/testing'
 * import { entry, type Opened } from './entry.ts'
 *
 * // A test with a special question inspects the decision itself.
 * const decided: Decided<Opened> = given(entry).when({ type: 'open', data: { title: 'spring' } })
 * assert.ok(!isRefusal(decided.decision) && decided.decision.length === 1)
 * ```
 */
export interface Decided<Event extends DomainEvent> {
  /** The decision, for other checks. */
  readonly decision: Decision<DomainEvent>
  /** Expects exactly these events, in this order. */
  then(expected: readonly Event[]): void
  /**
   * Expects a refusal with this code; `stream-not-found` if the stream is empty and the command may not start
   * one.
   */
  thenRefused(code: string): void
  /** Expects that there is nothing to do. */
  thenNothing(): void
}

/**
 * An aggregate with a past.
 * @example
 * ```ts
 * import { type GivenEvents, given } from 'tidemark/testing'
 * import { entry, type Open, type Opened } from './entry.ts'
 *
 * // Several tests start with an open entry. `now` matters to a decider that reads the time.
 * const alreadyOpen: GivenEvents<Open, Opened> = given(entry, [{ type: 'Opened', data: { title: 'winter' } }])
 * const again: Open = { type: 'open', data: { title: 'spring' } }
 * alreadyOpen.when(again, { id: '2026', now: '2026-03-01T06:00:00.000Z' }).thenRefused('entry-already-open')
 * ```
 */
export interface GivenEvents<Cmd extends Command, Event extends DomainEvent> {
  /**
   * @param options `id`: the aggregate's id, default `1`. `now`: the time of the decision, RFC 3339, default
   *   `moment()`.
   * @throws AssertionError for events or a command that could never arrive. Also for a faulty decider: not
   *   pure, not total, or deciding what cannot be recorded.
   */
  when(command: Cmd, options?: { readonly id?: string; readonly now?: string }): Decided<Event>
}

const service = { name: 'testing', publishes: [] }
const metadata: CommandMetadata = { actor: 'tester', correlation: 'test', causation: 'command:test' }

/**
 * Tests a decider. Events are recorded, read and folded as in production, and the decision is checked as
 * before it is recorded. Nothing else is involved.
 * @param events the aggregate's past, in order.
 * @example
 * ```ts
 * import { given } from 'tidemark/testing'
 * import { entry } from './entry.ts'
 *
 * const open = { type: 'open', data: { title: 'a title' } } as const
 * const opened = { type: 'Opened', data: { title: 'a title' } } as const
 * given(entry, []).when(open).then([opened])
 * given(entry, [opened]).when(open).thenRefused('entry-already-open')
 * ```
 */
export function given<State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  events: readonly Given<Event>[] = [],
): GivenEvents<Cmd, Event> {
  return {
    when(command, { id = '1', now = moment() } = {}) {
      const stream = formatStream(decider.category, id)
      const folded = foldGiven(decider, stream, events)
      const request = {
        stream,
        key: 'test',
        receipts: 'none',
        command: freezeDeep(parseCommand(decider, command)),
        metadata,
      } as const
      const time = decisionTime(now, folded)
      const decision = decide(withPurityChecks(decider), folded, request, time)
      if (isRefusal(decision)) checkDeclared(decider, decision.code)
      else checkRecordable(decider, folded, decision, { stream, time })
      const story = [
        `given     ${formatEvents(events).join('\n          ')}`,
        `when      ${command.type} ${formatValue(command.data)}`,
      ]
      return decided(story, decision)
    },
  }
}

function decided<Event extends DomainEvent>(story: readonly string[], decision: Decision<DomainEvent>): Decided<Event> {
  const fail = (expected: unknown, ...lines: readonly string[]): never => {
    throw new AssertionError({ message: ['', ...story, ...lines].join('\n  '), expected, actual: decision })
  }
  const came = isRefusal(decision)
    ? `got       the refusal ${decision.code}: ${decision.detail}`
    : `got       ${formatEvents(decision).join('\n            ')}`
  const then = (expected: readonly Event[]): void => {
    refuseAwait(expected)
    if (isRefusal(decision)) fail(expected, `expected  ${formatEvents(expected).join('\n            ')}`, came)
    const lines = isRefusal(decision) ? [] : diffEvents(expected, decision)
    if (lines.length > 0) fail(expected, ...lines)
  }
  return {
    decision,
    then,
    thenRefused(code) {
      if (!isRefusal(decision) || decision.code !== code) fail(code, `expected  the refusal ${code}`, came)
    },
    thenNothing: () => then([]),
  }
}

function foldGiven<State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
  stream: string,
  events: readonly Given<Event>[],
): AggregateState {
  const recorder = { ...service, events: decider.events }
  const recorded: RecordedEvent[] = []
  for (const event of events)
    recorded.push(recordGiven(recorder, event, { stream, before: recorded.at(-1), now: moment() }))
  const pureDecider = withPurityChecks(decider)
  return fold(pureDecider, emptyState(pureDecider), recorded)
}

/** Wraps the decider: calls each function twice with frozen arguments. */
function withPurityChecks<State, Cmd extends Command, Event extends DomainEvent>(
  decider: Decider<State, Cmd, Event>,
): Decider<State, Cmd, Event> {
  return {
    ...decider,
    initial: freezeDeep(decider.initial),
    evolve: (state, event) => pure(`evolve of ${decider.category}`, (...args) => decider.evolve(...args), state, event),
    decide: (state, command, context) =>
      pure(`decide of ${decider.category}`, (...args) => decider.decide(...args), state, command, context),
  }
}

/** The command as the decider gets it: JSON, checked against its schema. */
function parseCommand(
  { category, commands }: Pick<Decider<never, never, never>, 'category' | 'commands'>,
  command: Command,
): Command {
  const declared = commands.find(({ name }) => name === command.type)
  if (declared === undefined)
    throw new AssertionError({ message: `${command.type} is not among the declared commands of ${category}` })
  const refused = (why: string, where: string): AssertionError =>
    new AssertionError({ message: `${command.type} ${why}, so it never reaches ${category}: ${where}` })
  const json = asJson(command.data)
  if (json.outcome === 'invalid') throw refused('has data that JSON does not keep', describeFault(json.fault))
  const result = validate(declared.schema, structuredClone(json.value))
  if (result.outcome === 'invalid') throw refused('does not fit its schema', describeIssues(result.issues))
  return { type: command.type, data: result.value }
}

/** The runtime itself refuses with this code if a command may not start a stream; no decider declares it. */
const OF_FLOW = 'stream-not-found'

function checkDeclared(
  { category, refusals = {} }: Pick<Decider<never, never, never>, 'category' | 'refusals'>,
  code: string,
): void {
  if (code === OF_FLOW || Object.hasOwn(refusals, code)) return
  throw new AssertionError({ message: `${category} refuses with ${code}, which is not among its declared refusals` })
}

function checkRecordable(
  decider: Pick<Decider<never, never, never>, 'category' | 'events'>,
  folded: AggregateState,
  events: readonly DomainEvent[],
  { stream, time }: { readonly stream: string; readonly time: string },
): void {
  try {
    record({ service, decider, stream, limits: LIMITS }, folded, { events, metadata, now: time })
  } catch (cause) {
    if (!isTidemarkError(cause)) throw cause
    const message = `what ${decider.category} decides cannot be recorded: ${cause.code}: ${cause.message}`
    throw Object.assign(new AssertionError({ message }), { cause })
  }
}
