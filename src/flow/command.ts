import type { CommandOutcome, CommandRequest } from '../core/command.ts'
import { type AnyDecider, type Decision, isRefusal, refuse } from '../core/decider.ts'
import { isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { DomainEvent, RecordedEvent } from '../core/event.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import type { AppendResult, Clock, CommandMark, EventStore } from '../core/ports.ts'
import type { Service } from '../core/service.ts'
import { idOf } from '../core/stream.ts'
import { beginning, type Folded, fold, readForward } from './fold.ts'
import { decisionTime, record } from './record.ts'

/** How often one command may decide again before its stream counts as contended. */
const MAX_ATTEMPTS = 20

/** Folded states by stream, bounded by who makes it. Only a hint: an append proves it, a refusal is checked against the log. */
export interface StateCache {
  get(stream: string): Folded | undefined
  set(stream: string, folded: Folded): unknown
  delete(stream: string): unknown
}

export interface CommandDependencies {
  readonly service: Pick<Service, 'name' | 'publishes'>
  readonly store: EventStore
  readonly cache: StateCache
  readonly clock: Clock
}

/** Hears the events that a command led to, where this very call appends them: the answer is the same every time, and has none. */
export type OnAppended = (events: readonly RecordedEvent[]) => void

/**
 * Carries out a command: load, fold, decide, append; on a conflict it decides again on what is there.
 *
 * The same key with the same request is answered as the first time; a refusal is only ever answered on the newest state. What
 * the caller or the domain is refused for is a value.
 * @throws TidemarkError `stream-contended`, `outcome-unknown`, `unavailable` (all retriable with the same key), or a fault of
 *   decider or log: `event-invalid`, `decision-too-large`, `event-too-large`, `chain-broken`, `event-unknown`.
 */
export async function handleCommand(
  deps: CommandDependencies,
  decider: AnyDecider,
  request: CommandRequest,
  onAppended: OnAppended = () => {},
): Promise<CommandOutcome> {
  const { store, cache, clock } = deps
  const { stream, key, metadata } = request
  const fingerprint = fingerprintOf(request)
  const creates = decider.commands.find((candidate) => candidate.name === request.command.type)?.creates ?? false
  // What a command creates is most likely not there: to append finds out as well as to read does.
  const unknown = beginning(decider)
  let folded = cache.get(stream) ?? (creates ? unknown : await readForward(store, decider, stream, unknown))

  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const now = decisionTime(clock.now(), folded, request.notBefore)
    const decision = decide(decider, folded, request, creates, now)

    if (isRefusal(decision) || decision.length === 0) {
      // The order matters: a mark that was not there yet when it was read has its events in what is read after it.
      const mark = await store.readMark(stream, key)
      if (mark) return answerOf(stream, mark, fingerprint)
      const newest = await catchUp(deps, decider, stream, folded)
      if (newest.tip.version === folded.tip.version) {
        if (isRefusal(decision)) return { done: false, code: decision.refusal, detail: decision.detail }
        return { done: true, stream, version: folded.tip.version, events: 0 }
      }
      folded = newest
      continue
    }

    const events = record(deps.service, decider, stream, folded, decision, metadata, now)
    const to = folded.tip.version + events.length
    const mark: CommandMark = { key, fingerprint, from: folded.tip.version + 1, to }
    const result = await appendKnown(store, stream, events, mark)
    if (result === 'appended') {
      cache.set(stream, fold(decider, folded, events))
      onAppended(events)
      return answerOf(stream, mark, fingerprint)
    }
    if (result === 'missing') cache.delete(stream)
    const earlier = await store.readMark(stream, key)
    if (earlier) return answerOf(stream, earlier, fingerprint)
    folded = await catchUp(deps, decider, stream, result === 'missing' ? unknown : folded)
  }
  throw new TidemarkError('stream-contended', `${stream} is written by too many at once`)
}

/** The same request has the same fingerprint, whatever the order or the white space of its fields. */
function fingerprintOf({ command, expectedVersion }: CommandRequest): string {
  return canonicalHash({ ...command, ...(expectedVersion === undefined ? {} : { expectedVersion }) })
}

export function decide(
  decider: AnyDecider,
  folded: Folded,
  request: CommandRequest,
  creates: boolean,
  now: string,
): Decision<DomainEvent> {
  const { stream, command, expectedVersion } = request
  const { version } = folded.tip
  if (version === 0 && !creates) return refuse('stream-not-found', `there is no ${decider.category} ${idOf(stream)}`)
  if (expectedVersion !== undefined && expectedVersion !== version)
    return refuse('version-mismatch', `${stream} is at version ${version}, not ${expectedVersion}`)
  return decider.decide(folded.state, command, { id: idOf(stream), now })
}

/**
 * Appends; where the outcome is unknown, the mark tells it, and where even the mark is not there, the same append is tried
 * again: it cannot take effect twice, since the mark is created with it.
 */
async function appendKnown(
  store: EventStore,
  stream: string,
  events: readonly RecordedEvent[],
  mark: CommandMark,
): Promise<AppendResult> {
  try {
    return await store.append(events, mark)
  } catch (error) {
    if (!isTidemarkError(error, 'outcome-unknown')) throw error
    const found = await store.readMark(stream, mark.key).catch((cause: unknown) => {
      throw new TidemarkError('outcome-unknown', `it is not known whether the command took effect on ${stream}`, {
        cause,
      })
    })
    return found ? 'conflict' : await store.append(events, mark)
  }
}

async function catchUp(
  deps: CommandDependencies,
  decider: AnyDecider,
  stream: string,
  folded: Folded,
): Promise<Folded> {
  try {
    const newest = await readForward(deps.store, decider, stream, folded)
    if (newest.tip.version > 0) deps.cache.set(stream, newest)
    return newest
  } catch (error) {
    // What was cached may be of a log that was restored to an earlier point: the log itself decides.
    deps.cache.delete(stream)
    if (!isTidemarkError(error, 'chain-broken') || folded.tip.version === 0) throw error
    return readForward(deps.store, decider, stream, beginning(decider))
  }
}

/** The answer of a command that took effect: made of its mark alone, so that it is the same every time. */
function answerOf(stream: string, mark: CommandMark, fingerprint: string): CommandOutcome {
  if (mark.fingerprint !== fingerprint)
    return {
      done: false,
      code: 'idempotency-key-reused',
      detail: `the key ${mark.key} was used on ${stream} for another request`,
    }
  return { done: true, stream, version: mark.to, events: mark.to - mark.from + 1 }
}
