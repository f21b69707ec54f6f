import type { RecordedEvent } from '../core/event.ts'
import type { AppendResult, EventStore } from '../core/ports.ts'

/** Appends an event as its own commit, to a stream whose commits have one event each. */
export function appendGiven(log: Pick<EventStore, 'append'>, event: RecordedEvent): Promise<AppendResult> {
  const { stream, version, previousHash } = event
  const after = { version: version - 1, hash: previousHash, commit: version - 1 }
  return log.append(after, [{ stream, key: `given ${version}`, fingerprint: '', events: [event] }])
}
