// Walks encoded AMQP values without decoding them, so that an event's bytes pass through unchanged
// (AMQP 1.0 part 1, 1.2 and 1.6).

import { readInt64 } from './int64.ts'

/** The bytes are not valid AMQP 1.0. */
export class DecodeError extends Error {
  override name = 'DecodeError'
}

/** Deeper values are refused, because decoders recurse, here and in consumers. */
const MAX_DEPTH = 64

export function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new DecodeError('a value is cut off')
  return byte
}

export function uint32At(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new DecodeError('a value is cut off')
  return bytes.readUInt32BE(at)
}

/**
 * Length of the bytes that follow a constructor, including a size field. The code's high nibble gives the
 * width (1.2).
 */
function encodedWidth(bytes: Buffer, code: number, at: number): number {
  switch (code >>> 4) {
    case 0x4:
      return 0
    case 0x5:
      return 1
    case 0x6:
      return 2
    case 0x7:
      return 4
    case 0x8:
      return 8
    case 0x9:
      return 16
    case 0xa:
    case 0xc:
    case 0xe:
      return 1 + byteAt(bytes, at)
    case 0xb:
    case 0xd:
    case 0xf:
      return 4 + uint32At(bytes, at)
    default:
      throw new DecodeError(`unknown type code 0x${code.toString(16)}`)
  }
}

/**
 * Returns the position after the value that starts at `at`, without checking its content.
 * @throws DecodeError if the value does not end by `limit`.
 */
export function valueEnd(bytes: Buffer, at: number, limit: number): number {
  let start = at
  if (byteAt(bytes, start) === 0x00) {
    // A described value. If descriptors could be described too, a client would choose the depth of this
    // recursion.
    if (byteAt(bytes, start + 1) === 0x00) throw new DecodeError('a descriptor is described')
    start = valueEnd(bytes, start + 1, limit)
    if (byteAt(bytes, start) === 0x00) throw new DecodeError('a value is described twice')
  }
  const end = start + 1 + encodedWidth(bytes, byteAt(bytes, start), start + 1)
  if (end > limit) throw new DecodeError('a value ends beyond its container')
  return end
}

/**
 * Like `valueEnd`, but also checks the content: every nested value must end where its container says. This
 * refuses to the producer what would break a consumer's library.
 * @throws DecodeError
 */
export function checkedEnd(bytes: Buffer, at: number, limit: number): number {
  return new ContentCheck(bytes).value(at, limit, 0)
}

/** Checks values and everything in them. `depth` counts the values around the checked one. */
class ContentCheck {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Checks the value at `at`, which must end by `limit`, and returns the position after it. */
  value(at: number, limit: number, depth: number): number {
    const bytes = this.#bytes
    let start = at
    if (byteAt(bytes, start) === 0x00) {
      if (byteAt(bytes, start + 1) === 0x00) throw new DecodeError('a descriptor is described')
      start = this.value(start + 1, limit, depth + 1)
      if (byteAt(bytes, start) === 0x00) throw new DecodeError('a value is described twice')
    }
    const code = byteAt(bytes, start)
    const end = start + 1 + encodedWidth(bytes, code, start + 1)
    if (end > limit) throw new DecodeError('a value ends beyond its container')
    this.#content(code, start + 1, end, depth)
    return end
  }

  /** Checks the bytes that follow a constructor of type `code`. */
  #content(code: number, at: number, end: number, depth: number): void {
    const kind = code >>> 4
    if (kind < 0xc) return
    if (depth >= MAX_DEPTH) throw new DecodeError(`values are nested more than ${MAX_DEPTH} deep`)
    // List, map or array: size, count, items. Size and count are one byte wide, or four.
    const wide = (kind & 1) === 1
    const counted = wide ? at + 4 : at + 1
    let next = wide ? at + 8 : at + 2
    if (next > end) throw new DecodeError('a list, map or array is cut off')
    const count = wide ? this.#bytes.readUInt32BE(counted) : byteAt(this.#bytes, counted)
    // Zero-byte items would let a client make consumers decode four billion of them.
    if (count > end - next) throw new DecodeError(`${count} items in ${end - next} bytes`)
    if (kind >= 0xe) this.#array(next, end, count, depth)
    else {
      if ((code & 0xf) === 1 && count % 2 === 1) throw new DecodeError('a map holds a key without a value')
      for (let i = 0; i < count; i++) next = this.value(next, end, depth + 1)
      if (next !== end) throw new DecodeError('a list or map is longer than its items')
    }
  }

  /** An array has one constructor for all items (1.6.24); each item is only the bytes that follow it. */
  #array(at: number, end: number, count: number, depth: number): void {
    const bytes = this.#bytes
    let next = at
    if (byteAt(bytes, next) === 0x00) {
      if (byteAt(bytes, next + 1) === 0x00) throw new DecodeError('a descriptor is described')
      next = this.value(next + 1, end, depth + 1)
    }
    const code = byteAt(bytes, next++)
    for (let i = 0; i < count; i++) {
      const after = next + encodedWidth(bytes, code, next)
      if (after > end) throw new DecodeError('an array item ends beyond its array')
      this.#content(code, next, after, depth + 1)
      next = after
    }
    if (next !== end) throw new DecodeError('an array is longer than its items')
  }
}

/** Returns the text of the string or symbol at `at`; undefined for any other type. */
export function textAt(bytes: Buffer, at: number): string | undefined {
  switch (bytes[at]) {
    case 0xa1:
    case 0xa3:
      return bytes.toString('utf8', at + 2, at + 2 + byteAt(bytes, at + 1))
    case 0xb1:
    case 0xb3:
      return bytes.toString('utf8', at + 5, at + 5 + uint32At(bytes, at + 1))
    default:
      return undefined
  }
}

/** Returns the signed integer at `at`; undefined for any other type, or if it is not a safe integer. */
export function integerAt(bytes: Buffer, at: number): number | undefined {
  switch (bytes[at]) {
    case 0x51:
    case 0x54:
    case 0x55:
      return bytes.readInt8(at + 1)
    case 0x61:
      return bytes.readInt16BE(at + 1)
    case 0x71:
      return bytes.readInt32BE(at + 1)
    case 0x81: {
      const value = readInt64(bytes, at + 1)
      return Number.isSafeInteger(value) ? value : undefined
    }
    default:
      return undefined
  }
}

/**
 * Calls `visit` with the positions of each entry's key, value and end.
 * @param at start of the map, which `checkedEnd` must have checked.
 */
export function eachMapEntry(
  bytes: Buffer,
  at: number,
  visit: (key: number, value: number, end: number) => void,
): void {
  const code = byteAt(bytes, at)
  if (code !== 0xc1 && code !== 0xd1) throw new DecodeError('annotations are not a map')
  const end = valueEnd(bytes, at, bytes.length)
  for (let key = at + (code === 0xc1 ? 3 : 9); key < end; ) {
    const value = valueEnd(bytes, key, end)
    const next = valueEnd(bytes, value, end)
    visit(key, value, next)
    key = next
  }
}

/** Low bytes of the message sections' descriptors (AMQP 1.0 part 3, 3.2). */
export const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  data: 0x75,
  sequence: 0x76,
  footer: 0x78,
} as const

/** Returns where the value of the section at `at` starts; the byte before it is the descriptor's low byte. */
export function sectionValue(bytes: Buffer, at: number): number {
  if (byteAt(bytes, at) !== 0x00) throw new DecodeError('a message section has no descriptor')
  const small = byteAt(bytes, at + 1) === 0x53
  if (!small && (byteAt(bytes, at + 1) !== 0x80 || uint32At(bytes, at + 2) !== 0 || bytes.readUIntBE(at + 6, 3) !== 0))
    throw new DecodeError('a section descriptor is not the ulong of a message section')
  return at + (small ? 3 : 10)
}
