import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { TidemarkError } from './errors.ts'
import type { RecordedEvent } from './event.ts'

/** The `previousHash` of a stream's first event. */
export const GENESIS = '0'.repeat(64)

/** SHA-256 (lower-case hex) of a value's canonical JSON (RFC 8785): equal values have equal hashes, however written. */
export function canonicalHash(value: unknown): string {
  return hash('sha256', canonicalText(value))
}

function canonicalText(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TidemarkError('internal', 'only JSON values have a canonical form')
  return text
}

/** The hash an event must carry: over all its fields but `hash`, the previous hash among them. */
export function hashEvent(event: Omit<RecordedEvent, 'hash'>): string {
  const { hash: _, ...hashed } = event as RecordedEvent
  return canonicalHash(hashed)
}

/** An event with its hash, and how many bytes its canonical JSON has. */
export function seal(event: Omit<RecordedEvent, 'hash'>): { readonly event: RecordedEvent; readonly bytes: number } {
  const text = canonicalText(event)
  return { event: { ...event, hash: hash('sha256', text) }, bytes: Buffer.byteLength(text) }
}

/** Whether an event is what its hash says: nothing of it was changed since it was recorded. */
export function hashFits(event: RecordedEvent): boolean {
  return hashEvent(event) === event.hash
}

/** The last event of a stream: what the next one follows. Version 0 is a stream without events. */
export interface StreamHead {
  readonly version: number
  readonly hash: string
}

/** The end of a stream in its log: its last event, and the commit that this belongs to. */
export interface LogHead extends StreamHead {
  /** The version of the first event of the last commit; 0 where there is none. */
  readonly commit: number
}

export const EMPTY_STREAM: LogHead = { version: 0, hash: GENESIS, commit: 0 }

/** Whether an event follows a stream's head: it has the next version, and the head's hash. */
export function follows(event: RecordedEvent, head: StreamHead): boolean {
  return event.version === head.version + 1 && event.previousHash === head.hash
}
