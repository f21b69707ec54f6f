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
 * by their UTF-16 code units (3.2.3), as `sort` does. JSON has no undefined: such a member is absent.
 */
export function canonical(value: unknown): string {
  const ordered = order(value)
  return ordered === UNORDERED ? write(value) : JSON.stringify(ordered)
}

/** A value with the names of its objects in order, so that JSON.stringify writes its canonical form. */
function order(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const elements = value.map(order)
    return elements.includes(UNORDERED) ? UNORDERED : elements
  }
  const members = value as RawItem
  const ordered: Record<string, unknown> = {}
  for (const name of sortNames(members)) {
    const member = order(members[name])
    if (member === UNORDERED || ODD_NAME.test(name)) return UNORDERED
    ordered[name] = member
  }
  return ordered
}

/** Objects keep names of digits in an order of their own, and have no member `__proto__`. */
const ODD_NAME = /^\d|^__proto__$/
const UNORDERED = Symbol('unordered')

/** The canonical form of any value, which takes three times as long. */
function write(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(write).join()}]`
  const members = value as RawItem
  const names = sortNames(members).filter((name) => members[name] !== undefined)
  return `{${names.map((name) => `${JSON.stringify(name)}:${write(members[name])}`).join()}}`
}

/** The names of an object in order. Many objects are written in order, and to see that is faster than to sort. */
export function sortNames(members: RawItem): readonly string[] {
  const names = Object.keys(members)
  let before = ''
  for (const name of names) {
    if (name < before) return names.sort()
    before = name
  }
  return names
}
