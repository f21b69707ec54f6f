import { stepInto } from '../values/json.ts'
import { classifyValue, encodeText } from '../values/values.ts'

/** A value that an index is ordered by: its path in an item. */
export interface IndexTerm {
  readonly path: readonly string[]
  readonly descending: boolean
}

/** The first byte of a value's key: the types in the order of ORDER BY. */
export const TAGS = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  number: 4,
  string: 5,
  array: 6,
  object: 7,
} as const

/** A longer text is cut. The index does not order texts that are cut alike. */
const MAX_TEXT_BYTES = 512
export const END_OF_TEXT = Buffer.from([0, 0])
/** Puts a cut text after the complete text with the same bytes. */
const TRUNCATED = Buffer.from([1])

/** Encodes values so that the order of the bytes is that of ORDER BY. A cut text ends the key. */
export function encodeKey(values: readonly unknown[], descending: readonly boolean[] = []): Buffer {
  const parts: Buffer[] = []
  for (const [index, value] of values.entries()) {
    const key = encodeValue(value)
    parts.push(descending[index] ? (key.map((byte) => 255 - byte) as Buffer) : key)
    if (isTruncated(value)) break
  }
  return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts)
}

/** Whether the key holds only a part of the value. */
export const isTruncated = (value: unknown): boolean =>
  typeof value === 'string' && value.length * 3 > MAX_TEXT_BYTES && encodeText(value).length > MAX_TEXT_BYTES

/** The bytes that begin the keys of all texts with this prefix. */
export function encodeKeyPrefix(text: string): Buffer {
  return Buffer.concat([Buffer.from([TAGS.string]), escapeZeros(encodeText(text).subarray(0, MAX_TEXT_BYTES))])
}

function encodeValue(value: unknown): Buffer {
  const type = classifyValue(value)
  if (type === 'number') return encodeNumber(Number(value))
  if (type === 'boolean') return Buffer.from([value === true ? TAGS.true : TAGS.false])
  if (type !== 'string') return Buffer.from([TAGS[type]])
  const prefix = encodeKeyPrefix(String(value))
  return Buffer.concat([prefix, isTruncated(value) ? TRUNCATED : END_OF_TEXT])
}

/** Orders doubles by their bits: the sign is flipped, and in a negative number all other bits too. */
function encodeNumber(number: number): Buffer {
  const key = Buffer.alloc(9)
  key[0] = TAGS.number
  // 0 and -0 have the same key.
  key.writeDoubleBE(number === 0 ? 0 : number, 1)
  const negative = number < 0
  for (let at = 1; at < 9; at++) key[at] = (key[at] ?? 0) ^ (negative ? 255 : at === 1 ? 128 : 0)
  return key
}

/** Escapes zeros, so that they do not look like the end of a text. */
function escapeZeros(bytes: Buffer): Buffer {
  if (!bytes.includes(0)) return bytes
  return Buffer.from([...bytes].flatMap((byte) => (byte === 0 ? [0, 255] : [byte])))
}

/** The key of an item's JSON, for an index by these terms. */
export function encodeItemKey(item: unknown, terms: readonly IndexTerm[]): Buffer {
  return encodeKey(
    terms.map(({ path }) => path.reduce<unknown>(stepInto, item)),
    terms.map(({ descending }) => descending),
  )
}
