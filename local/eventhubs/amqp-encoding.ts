// Walks encoded AMQP values without decoding them, so that an event's bytes pass through untouched.

/** The bytes are no AMQP 1.0 encoding. */
export class DecodeError extends Error {
  override name = 'DecodeError'
}

/** The position after the value that starts at `at` (AMQP 1.0 part 1, 1.2: the width stands in the constructor's high nibble). */
export function valueEnd(bytes: Buffer, at: number): number {
  let start = at
  if (byteAt(bytes, start) === 0x00) {
    // A described value. A descriptor that is itself described would let a client choose the depth of this recursion.
    if (byteAt(bytes, start + 1) === 0x00) throw new DecodeError('a descriptor is described')
    start = valueEnd(bytes, start + 1)
    if (byteAt(bytes, start) === 0x00) throw new DecodeError('a value is described twice')
  }
  const end = start + 1 + width(bytes, start)
  if (end > bytes.length) throw new DecodeError('a value ends beyond the message')
  return end
}

function width(bytes: Buffer, at: number): number {
  const code = byteAt(bytes, at)
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
      return 1 + byteAt(bytes, at + 1)
    case 0xb:
    case 0xd:
    case 0xf:
      return 4 + uint32At(bytes, at + 1)
    default:
      throw new DecodeError(`unknown type code 0x${code.toString(16)}`)
  }
}

export function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new DecodeError('a value is cut off')
  return byte
}

export function uint32At(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new DecodeError('a value is cut off')
  return bytes.readUInt32BE(at)
}

/** Text of a string or symbol at `at`; undefined for any other type. */
export function textAt(bytes: Buffer, at: number): string | undefined {
  const code = byteAt(bytes, at)
  const end = valueEnd(bytes, at)
  if (code === 0xa1 || code === 0xa3) return bytes.toString('utf8', at + 2, end)
  if (code === 0xb1 || code === 0xb3) return bytes.toString('utf8', at + 5, end)
  return undefined
}

/** Content of a binary at `at`. */
export function binaryAt(bytes: Buffer, at: number): Buffer {
  const code = byteAt(bytes, at)
  const end = valueEnd(bytes, at)
  if (code === 0xa0) return bytes.subarray(at + 2, end)
  if (code === 0xb0) return bytes.subarray(at + 5, end)
  throw new DecodeError('a data section holds no binary')
}

export interface MapEntry {
  readonly key: string | undefined
  /** Where the value starts. */
  readonly value: number
  /** Key and value as encoded. */
  readonly bytes: Buffer
}

/** The entries of a map at `at`. */
export function mapEntries(bytes: Buffer, at: number): MapEntry[] {
  const code = byteAt(bytes, at)
  if (code !== 0xc1 && code !== 0xd1) throw new DecodeError('annotations are no map')
  const end = valueEnd(bytes, at)
  const entries: MapEntry[] = []
  for (let next = at + (code === 0xc1 ? 3 : 9); next < end; ) {
    const value = valueEnd(bytes, next)
    const after = valueEnd(bytes, value)
    if (after > end) throw new DecodeError('a map entry ends beyond its map')
    entries.push({ key: textAt(bytes, next), value, bytes: bytes.subarray(next, after) })
    next = after
  }
  return entries
}

/** A section of a message (AMQP 1.0 part 3, 3.2). */
export interface Section {
  /** The low byte of its descriptor: 0x70 header … 0x78 footer. */
  readonly code: number
  readonly start: number
  /** Where the described value starts. */
  readonly value: number
  readonly end: number
}

export const SECTION = {
  header: 0x70,
  deliveryAnnotations: 0x71,
  messageAnnotations: 0x72,
  data: 0x75,
  footer: 0x78,
} as const

/** The sections of a message, in their order. */
export function sections(message: Buffer): Section[] {
  const found: Section[] = []
  let last = 0
  for (let start = 0; start < message.length; ) {
    if (byteAt(message, start) !== 0x00) throw new DecodeError('a message section has no descriptor')
    const small = byteAt(message, start + 1) === 0x53
    if (!small && byteAt(message, start + 1) !== 0x80) throw new DecodeError('a section descriptor is no ulong')
    const value = start + (small ? 3 : 10)
    const code = byteAt(message, value - 1)
    if (code < SECTION.header || code > SECTION.footer || code < last)
      throw new DecodeError('sections are out of order')
    const end = valueEnd(message, value)
    found.push({ code, start, value, end })
    last = code
    start = end
  }
  return found
}
