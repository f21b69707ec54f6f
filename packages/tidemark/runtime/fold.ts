import type { RecordedCommit } from '../core/commit.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { DomainEvent, RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader } from '../core/event-reader.ts'
import { EMPTY_STREAM, follows, type LogHead } from '../core/hash-chain.ts'
import { withoutMessage } from '../core/personal.ts'
import type { EventStore } from '../core/ports.ts'

/** An aggregate state and the stream head up to which it was folded. */
export interface AggregateState {
  readonly state: unknown
  readonly head: LogHead
  /** When the last event was recorded; empty at version 0. */
  readonly time: string
}

const readers = new WeakMap<AnyDecider, EventReader>()

/** Returns the reader for events of a decider's own streams, creating it once for each decider. */
export function findReader(decider: AnyDecider): EventReader {
  const reader = readers.get(decider) ?? eventReader(decider.events, 'own')
  readers.set(decider, reader)
  return reader
}

/**
 * Folds the events of one commit, or its first events, onto a state.
 * @throws TidemarkError `chain-broken`, `event-unknown`, `event-unreadable`
 */
export function fold(decider: AnyDecider, from: AggregateState, events: readonly RecordedEvent[]): AggregateState {
  const [first] = events
  if (first === undefined) return from
  const reader = findReader(decider)
  let { state, head, time } = from
  for (const event of events) {
    if (!follows(event, head))
      throw new TidemarkError(
        'chain-broken',
        `${event.stream}@${event.version} does not follow version ${head.version}`,
      )
    for (const read of reader.readEvents(event)) state = evolve(decider, state, read)
    head = { version: event.version, hash: event.hash, commit: first.version }
    time = event.time
  }
  return { state, head, time }
}

/** The state after an event. @throws as `callDecider` */
export function evolve(decider: AnyDecider, state: unknown, event: DomainEvent): unknown {
  return callDecider(decider, () => decider.evolve(state, event))
}

/** Calls code of a decider. @throws what it threw. If the decider has a subject, only kind and place are kept. */
export function callDecider<Result>({ category, subject }: AnyDecider, call: () => Result): Result {
  try {
    return call()
  } catch (error) {
    throw subject === undefined ? error : withoutMessage(error, `the decider ${category}`)
  }
}

export function emptyState(decider: AnyDecider): AggregateState {
  return { state: decider.initial, head: EMPTY_STREAM, time: '' }
}

/**
 * Events folded at once, which takes some milliseconds. Folding a long stream at once would block the event
 * loop.
 */
const EVENTS_A_TURN = 500

/** Folds commits and yields to the event loop at every 500th version. */
export async function foldInTurns(
  decider: AnyDecider,
  from: AggregateState,
  commits: readonly Pick<RecordedCommit, 'events'>[],
): Promise<AggregateState> {
  const countTurns = ({ head }: AggregateState): number => Math.floor(head.version / EVENTS_A_TURN)
  let folded = from
  for (const { events } of commits) {
    const turn = countTurns(folded)
    folded = fold(decider, folded, events)
    if (countTurns(folded) > turn) await new Promise((resolve) => setImmediate(resolve))
  }
  return folded
}

/** Reads and folds the commits after a state, page by page. @throws TidemarkError as `fold`, and `unavailable` */
export async function readForward(
  store: Pick<EventStore, 'read'>,
  decider: AnyDecider,
  stream: string,
  from: AggregateState,
): Promise<AggregateState> {
  let folded = from
  for await (const page of store.read(stream, from.head.version)) folded = await foldInTurns(decider, folded, page)
  return folded
}
