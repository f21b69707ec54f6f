import type { DomainEvent, EventContent, RecordedEvent } from '../../core/event.ts'
import { eventId } from '../../core/event.ts'
import { GENESIS, hashEvent } from '../../core/hash-chain.ts'
import { parseCategory } from '../../core/stream.ts'

/**
 * An event to record. By default it has version 1, is readable from its version on, and is published unchanged.
 */
type Recordable = DomainEvent & Partial<EventContent> & Pick<RecordedEvent, 'published' | 'traceparent'>

/** A stream's recorded events in a hash chain, one second apart. */
export function recorded(stream: string, ...events: readonly Recordable[]): RecordedEvent[] {
  return chained(stream, events, 1)
}

/** A stream's recorded events in a hash chain, all at one time, as in one commit. */
export function recordedTogether(stream: string, ...events: readonly Recordable[]): RecordedEvent[] {
  return chained(stream, events, 0)
}

function chained(stream: string, events: readonly Recordable[], secondsApart: number): RecordedEvent[] {
  let previousHash = GENESIS
  return events.map(({ type, data, ...content }, index) => {
    const version = index + 1
    const unhashed = {
      id: eventId(version),
      stream,
      version,
      type,
      schemaVersion: 1,
      ...content,
      source: `/ordering/${parseCategory(stream)}`,
      time: new Date(Date.UTC(2026, 0, 1, 0, 0, index * secondsApart)).toISOString(),
      data,
      correlation: 'correlation',
      causation: 'command:test',
      actor: 'tester',
      previousHash,
    }
    const event = { ...unhashed, hash: hashEvent(unhashed) }
    previousHash = event.hash
    return event
  })
}
