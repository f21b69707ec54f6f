import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { TidemarkError } from './errors.ts'
import type { RecordedEvent } from './event.ts'

/** The `previousHash` of a stream's first event. */
export const GENESIS = '0'.repeat(64)

/**
 * SHA-256 (lower-case hex) of a value's canonical JSON (RFC 8785). Equal values have equal hashes, however
 * they are written.
 */
export function canonicalHash(value: unknown): string {
  return hash('sha256', canonicalText(value))
}

function canonicalText(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TidemarkError('internal', 'only JSON values have a canonical form')
  return text
}

/** The hash of an event: over all its fields except `hash`, including the previous hash. */
export function hashEvent(event: Omit<RecordedEvent, 'hash'>): string {
  const { hash: _, ...hashed } = event as RecordedEvent
  return canonicalHash(hashed)
}

/** Adds the hash to an event. `bytes` is the size of its canonical JSON. */
export function seal(event: Omit<RecordedEvent, 'hash'>): { readonly event: RecordedEvent; readonly bytes: number } {
  const text = canonicalText(event)
  return { event: { ...event, hash: hash('sha256', text) }, bytes: Buffer.byteLength(text) }
}

/** Whether an event matches its hash, so nothing in it was changed since it was recorded. */
export function hashFits(event: RecordedEvent): boolean {
  return hashEvent(event) === event.hash
}

/**
 * The stream head: the last event of a stream, which the next one must follow. Version 0 is an empty stream.
 */
export interface StreamHead {
  readonly version: number
  readonly hash: string
}

/** The head of a stream in its log: its last event and that event's commit. */
export interface LogHead extends StreamHead {
  /** The version of the first event of the last commit; 0 if there is none. */
  readonly commit: number
}

export const EMPTY_STREAM: LogHead = { version: 0, hash: GENESIS, commit: 0 }

/** Whether an event follows a stream head: it has the next version and refers to the head's hash. */
export function follows(event: RecordedEvent, head: StreamHead): boolean {
  return event.version === head.version + 1 && event.previousHash === head.hash
}
