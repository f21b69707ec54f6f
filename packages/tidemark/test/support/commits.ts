import assert from 'node:assert/strict'
import type { JSONObject } from '@azure/cosmos'
import { type CommandReceipt, type Commit, toLogItem } from '../../core/commit.ts'
import type { DomainEvent, RecordedEvent } from '../../core/event.ts'
import { EMPTY_STREAM, type LogHead } from '../../core/hash-chain.ts'
import type { EventStore } from '../../core/ports.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { LIMITS } from '../../memory/limits.ts'
import { type Recorder, record } from '../../runtime/record.ts'
import { appendGiven } from '../../testing/append-given.ts'

/** A commit of these events, which have one time, as from `recordedTogether`. */
export function commit(key: string, events: readonly RecordedEvent[]): Commit {
  return { stream: events[0]?.stream ?? '', key, fingerprint: `of ${key}`, events }
}

/** The items of a log with these events, each in a commit of its own. */
export function toItems(events: readonly RecordedEvent[]): readonly (JSONObject & { readonly id: string })[] {
  const make = (event: RecordedEvent) => toLogItem(commit(`${event.stream}@${event.version}`, [event]))
  return events.map((event) => make(event) as unknown as JSONObject & { readonly id: string })
}

export function receipt(stream: string, key: string, version: number): CommandReceipt {
  return { stream, key, fingerprint: `of ${key}`, version }
}

/** The head of a stream whose last commit has these events. */
export function readHead(events: readonly RecordedEvent[]): LogHead {
  const [first, last] = [events[0], events.at(-1)]
  return first && last ? { version: last.version, hash: last.hash, commit: first.version } : EMPTY_STREAM
}

/** An in-memory log with these events, each in a commit of its own. */
export async function memoryLog(events: readonly RecordedEvent[] = []): Promise<EventStore> {
  const log = new MemoryEventStore()
  for (const event of events) await appendGiven(log, event)
  return log
}

/** The recorded events of a command that appends after these. */
export function recordedAfter(
  recorder: Omit<Recorder, 'limits'>,
  before: readonly RecordedEvent[],
  ...decided: readonly DomainEvent[]
): readonly RecordedEvent[] {
  const time = new Date().toISOString()
  const metadata = { actor: 'tester', correlation: 'c', causation: 'command:c' }
  const head = readHead(before)
  return record({ ...recorder, limits: LIMITS }, { head, time }, { events: decided, metadata, now: time }).events
}

/** Appends a new stream to a log. Consecutive events with one time become one commit. */
export async function appendStream(log: Pick<EventStore, 'append'>, events: readonly RecordedEvent[]): Promise<void> {
  let before: readonly RecordedEvent[] = []
  let rest = events
  for (let [first] = rest; first; [first] = rest) {
    const later = rest.findIndex(({ time }) => time !== first?.time)
    const together = later === -1 ? rest : rest.slice(0, later)
    const result = await log.append(readHead(before), [commit(`of version ${first.version}`, together)])
    assert.deepEqual(result, { outcome: 'appended' })
    before = together
    rest = rest.slice(together.length)
  }
}
