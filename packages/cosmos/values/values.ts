import { isObject } from './json.ts'

const TYPE_ORDER = ['undefined', 'null', 'boolean', 'number', 'string', 'array', 'object'] as const
type ValueType = (typeof TYPE_ORDER)[number]

/**
 * The type of a value of the query language. Undefined is a type of its own: a property that an item does not
 * have.
 */
export function classifyValue(value: unknown): ValueType {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : (typeof value as ValueType)
}

/**
 * The order of ORDER BY: by type first. All arrays are equal, and so are all objects.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/order-by
 */
export function compareValues(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  return TYPE_ORDER.indexOf(classifyValue(left)) - TYPE_ORDER.indexOf(classifyValue(right))
}

/** Compares by code points, as SQLite does. JavaScript's own order puts those above U+FFFF before U+E000. */
export function compareTexts(left: string, right: string): number {
  if (left === right) return 0
  if (/[\ud800-\uffff]/.test(left) && /[\ud800-\uffff]/.test(right))
    return Buffer.compare(encodeText(left), encodeText(right))
  return left < right ? -1 : 1
}

/** UTF-8, also for half a surrogate pair, so that different texts have different bytes. */
export function encodeText(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text)
  return Buffer.concat(
    Array.from(text, (character) => {
      const point = character.codePointAt(0) ?? 0
      if (point < 0xd800 || point > 0xdfff) return Buffer.from(character)
      return Buffer.from([0xed, 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)])
    }),
  )
}

/** The same JSON for equal values: fields in one order, and no -0. */
export function formatCanonical(value: unknown): string {
  return JSON.stringify(canonicalize(value)) ?? 'undefined'
}

function canonicalize(value: unknown): unknown {
  if (value === 0) return 0
  if (Array.isArray(value)) return value.map(canonicalize)
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(([name, inner]): [string, unknown] => [name, canonicalize(inner)])
  // Entries, not an object: an object would move integer-like names to the front and lose `__proto__`.
  return { entries: entries.sort(([a], [b]) => (a < b ? -1 : 1)) }
}
