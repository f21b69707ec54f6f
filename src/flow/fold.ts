import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader } from '../core/event-reader.ts'
import { BEGINNING, follows, type Tip } from '../core/hash-chain.ts'
import type { EventStore } from '../core/ports.ts'

/** A state and the point of its stream that it was folded up to. */
export interface Folded {
  readonly state: unknown
  readonly tip: Tip
  /** Of the last event; empty at version 0. */
  readonly time: string
}

const readers = new WeakMap<AnyDecider, EventReader>()

/** Reads the events of a decider's own streams. Made once for each decider. */
export function readerOf(decider: AnyDecider): EventReader {
  const reader = readers.get(decider) ?? eventReader(decider.events, 'own')
  readers.set(decider, reader)
  return reader
}

/** The state after more events, their chain checked. @throws TidemarkError `chain-broken`, `event-unknown`, `event-unreadable` */
export function fold(decider: AnyDecider, folded: Folded, events: readonly RecordedEvent[]): Folded {
  const reader = readerOf(decider)
  let { state, tip, time } = folded
  for (const event of events) {
    if (!follows(event, tip))
      throw new TidemarkError('chain-broken', `${event.stream}@${event.version} does not follow version ${tip.version}`)
    state = decider.evolve(state, reader.readEvent(event))
    tip = { version: event.version, hash: event.hash }
    time = event.time
  }
  return { state, tip, time }
}

export function beginning(decider: AnyDecider): Folded {
  return { state: decider.initial, tip: BEGINNING, time: '' }
}

/** So many events are folded at once: some milliseconds. A whole long stream would keep the host from all else it does. */
const EVENTS_A_TURN = 500

/** Folds as `fold` does, and lets others have their turn at every 500th version, however the events are divided into pages. */
export async function foldInTurns(
  decider: AnyDecider,
  folded: Folded,
  events: readonly RecordedEvent[],
): Promise<Folded> {
  let current = folded
  for (let from = 0; from < events.length; ) {
    const to = from + EVENTS_A_TURN - (current.tip.version % EVENTS_A_TURN)
    current = fold(decider, current, events.slice(from, to))
    from = to
    if (current.tip.version % EVENTS_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return current
}

/** Reads what came after, page by page, and folds it. */
export async function readForward(
  store: EventStore,
  decider: AnyDecider,
  stream: string,
  from: Folded,
): Promise<Folded> {
  let folded = from
  for await (const page of store.read(stream, folded.tip.version)) folded = await foldInTurns(decider, folded, page)
  return folded
}
