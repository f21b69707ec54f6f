import { hash } from 'node:crypto'

/** An item of the log's container, as Cosmos DB returns it. */
export type RawItem = Readonly<Record<string, unknown>>

/** The `previousHash` of a stream's first event. */
export const GENESIS = '0'.repeat(64)

export function sha256(text: string): string {
  return hash('sha256', text)
}

/**
 * The hash that an event must carry: SHA-256 of the canonical JSON of its envelope without `hash`. The
 * checker has its own implementation, because shared code would share its mistakes.
 */
export function hashEnvelope(envelope: RawItem): string {
  return sha256(canonical(envelope))
}

/**
 * RFC 8785. Numbers and strings are written as in ECMAScript (sections 3.2.2.2 and 3.2.2.3). Names are sorted
 * by their UTF-16 code units (3.2.3), as `sort` does.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  const members = value as RawItem
  let text = ''
  for (const name of Object.keys(members).sort())
    text += `${text === '' ? '' : ','}${quote(name)}:${canonical(members[name])}`
  return `{${text}}`
}

/** Most strings need no escapes, and to see that is faster than to write them. */
const ESCAPED = /["\\\p{Cc}\p{Cs}]/u

function quote(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(text) : `"${text}"`
}
