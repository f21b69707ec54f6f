import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { TidemarkError } from './errors.ts'
import type { RecordedEvent } from './event.ts'

/** The `previousHash` of a stream's first event. */
export const GENESIS = '0'.repeat(64)

/** SHA-256 (lower-case hex) of a value's canonical JSON (RFC 8785): equal values have equal hashes, however written. */
export function canonicalHash(value: unknown): string {
  const text = canonicalize(value)
  if (text === undefined) throw new TidemarkError('internal', 'only JSON values have a canonical form')
  return hash('sha256', text)
}

/** The hash an event must carry: over all its fields but `hash`, the previous hash among them. */
export function hashOf(event: Omit<RecordedEvent, 'hash'>): string {
  const { hash: _, ...hashed } = event as RecordedEvent
  return canonicalHash(hashed)
}

/** Whether an event is what its hash says: nothing of it was changed since it was recorded. */
export function hashFits(event: RecordedEvent): boolean {
  return hashOf(event) === event.hash
}

/** The end of a stream: the version and the hash that the next event follows. Version 0 is a stream with no event. */
export interface Tip {
  readonly version: number
  readonly hash: string
}

export const BEGINNING: Tip = { version: 0, hash: GENESIS }

/** Whether an event follows a tip: the next version, and linked to its hash. */
export function follows(event: RecordedEvent, tip: Tip): boolean {
  return event.version === tip.version + 1 && event.previousHash === tip.hash
}
