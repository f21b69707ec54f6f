import { stepInto } from '../values/json.ts'
import { classifyValue, encodeText } from '../values/values.ts'

/** One of the values that an index is ordered by: the names on the way to it from an item. */
export interface IndexTerm {
  readonly path: readonly string[]
  readonly descending: boolean
}

/** First bytes of a value's key: the types in the order of ORDER BY. */
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

/** Of a text. Longer ones are in no order among themselves here. */
const MAX_TEXT_BYTES = 512
const END_OF_TEXT = Buffer.from([0, 0])
/** After the end of the text that is just as long. */
const TRUNCATED = Buffer.from([1])

/**
 * Bytes whose order is that of ORDER BY over the values, one after the other. A text that is cut ends the key.
 */
export function encodeKey(values: readonly unknown[], descending: readonly boolean[] = []): Buffer {
  const parts: Buffer[] = []
  for (const [index, value] of values.entries()) {
    const key = encodeValue(value)
    parts.push(descending[index] ? (key.map((byte) => 255 - byte) as Buffer) : key)
    if (isTruncated(value)) break
  }
  return parts.length === 1 ? (parts[0] ?? Buffer.alloc(0)) : Buffer.concat(parts)
}

/** Whether the key tells less than the value. */
export const isTruncated = (value: unknown): boolean =>
  typeof value === 'string' && value.length * 3 > MAX_TEXT_BYTES && encodeText(value).length > MAX_TEXT_BYTES

/** What the keys of all texts that begin so begin with. */
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

/** The bits of a double are in its order once the sign is turned, and of a negative one all others. */
function encodeNumber(number: number): Buffer {
  const key = Buffer.alloc(9)
  key[0] = TAGS.number
  // 0 and -0 are one.
  key.writeDoubleBE(number === 0 ? 0 : number, 1)
  const negative = number < 0
  for (let at = 1; at < 9; at++) key[at] = (key[at] ?? 0) ^ (negative ? 255 : at === 1 ? 128 : 0)
  return key
}

/** So that no text's end is taken for a part of another. */
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
