import { type AnyDecider, type Command, isRefusal, type Refusal } from './core/decider.ts'
import { describeError, isTidemarkError, TidemarkError } from './core/errors.ts'
import type { RecordedEvent } from './core/event.ts'
import { asJson, describeFault } from './core/json.ts'
import { describeIssues, validate } from './core/schema.ts'
import type { Service } from './core/service.ts'
import { formatPosition, parseCategory } from './core/stream.ts'
import { LIMITS } from './memory/limits.ts'
import { decide } from './runtime/command.ts'
import { emptyState, fold } from './runtime/fold.ts'
import { decisionTime, record } from './runtime/record.ts'

/** A command to try out, and the history that it meets. */
export interface TriedCommand {
  readonly stream: string
  /** The stream's events from the first on, in order; none if it does not exist. */
  readonly history: AsyncIterable<RecordedEvent>
  readonly type: string
  readonly data: unknown
  /** Who would send it. */
  readonly actor: string
  /** The time of the decision: RFC 3339, UTC, milliseconds. */
  readonly now: string
}

/**
 * What a command would do: the version that it meets, and the events that it would append, or the refusal.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { TriedDecision } from 'tidemark/tools'
 *
 * const line = ({ version, events, refusal }: TriedDecision): string =>
 *   refusal ? `refused: ${refusal.detail}` : `${events.length} events after version ${version}`
 * assert.equal(line({ version: 3, events: [] }), '0 events after version 3')
 * ```
 */
export interface TriedDecision {
  readonly version: number
  /** As they would be recorded. */
  readonly events: readonly RecordedEvent[]
  readonly refusal?: Refusal
}

/**
 * Lets the decider of a stream decide a command on a history, and writes nothing.
 * @throws TidemarkError `unknown-command`; `invalid-command` if the data does not fit; `event-unknown`,
 *   `event-unreadable`, `chain-broken` for an event of the history; `event-invalid`, `event-too-large`,
 *   `decision-too-large` if the decision cannot be recorded; `handler-failed` if the decider throws.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { tryDecide } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * async function* history() {}
 * const command = { type: 'open', data: { title: 'spring' }, actor: 'anna', now: '2026-03-01T06:00:00.000Z' }
 * const { events } = await tryDecide(entries, { stream: 'entry-1', history: history(), ...command })
 * assert.deepEqual(
 *   events.map(({ type, version }) => [type, version]),
 *   [['Opened', 1]],
 * )
 * ```
 */
export async function tryDecide(service: Service, tried: TriedCommand): Promise<TriedDecision> {
  const { stream, history, actor, now } = tried
  const decider = service.deciders.find(({ category }) => category === parseCategory(stream))
  if (decider === undefined) throw new TidemarkError('stream-not-found', `${service.name} has no stream ${stream}`)
  const command = checkCommand(decider, tried)
  let state = emptyState(decider)
  for await (const event of history)
    state = named(`evolve of ${decider.category} at ${formatPosition(event)} (${event.type})`, () =>
      fold(decider, state, [event]),
    )
  const time = decisionTime(now, state)
  const metadata = { actor, correlation: 'command:dry-run', causation: 'command:dry-run' }
  const request = { stream, key: 'dry-run', receipts: 'none', command, metadata } as const
  const { version } = state.head
  const decision = named(`decide of ${decider.category} for ${command.type}`, () =>
    decide(decider, state, request, time),
  )
  if (isRefusal(decision)) return { version, events: [], refusal: decision }
  const { events } = record({ service, decider, stream, limits: LIMITS }, state, { events: decision, metadata, now })
  return { version, events }
}

/** The command as the service would receive it: JSON that fits the schema. */
function checkCommand({ category, commands }: AnyDecider, { type, data }: TriedCommand): Command {
  const declared = commands.find(({ name }) => name === type)
  if (declared === undefined)
    throw new TidemarkError(
      'unknown-command',
      `the commands of ${category} are ${commands.map(({ name }) => name).join(', ')}`,
    )
  const json = asJson(data)
  if (json.outcome === 'invalid')
    throw new TidemarkError('invalid-command', `the data is not JSON: ${describeFault(json.fault)}`)
  const result = validate(declared.schema, json.value)
  if (result.outcome === 'invalid')
    throw new TidemarkError('invalid-command', `the data does not fit ${type}: ${describeIssues(result.issues)}`)
  return { type, data: result.value }
}

/** Names the code that throws. */
function named<Result>(what: string, call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    if (isTidemarkError(cause)) throw cause
    throw new TidemarkError('handler-failed', `${what} threw: ${describeError(cause)}`, { cause })
  }
}
