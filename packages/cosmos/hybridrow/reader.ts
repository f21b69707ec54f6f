import { badRequest } from '../api/failure.ts'

// Five groups of seven bits hold any length that a request can have.
const MAX_VARINT_BYTES = 5

/** Reads the primitives of a HybridRow in order. Throws Failure 400 at a read beyond the end. */
export class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  uint8(): number {
    return this.bytes(1).readUInt8()
  }

  int32(): number {
    return this.bytes(4).readInt32LE()
  }

  uint32(): number {
    return this.bytes(4).readUInt32LE()
  }

  /** An unsigned number in groups of seven bits, the lowest first. */
  varint(): number {
    let value = 0
    for (let group = 0; group < MAX_VARINT_BYTES; group++) {
      const byte = this.uint8()
      value += (byte & 0x7f) * 2 ** (7 * group)
      if (byte < 0x80) return value
    }
    throw badRequest('the HybridRow has a length that is too long')
  }

  /** A view, not a copy. */
  bytes(count: number): Buffer {
    if (count < 0 || count > this.#bytes.length - this.#at) throw badRequest('the HybridRow is cut off')
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  /** Bytes after their length. */
  binary(): Buffer {
    return this.bytes(this.varint())
  }

  text(): string {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.binary())
    } catch (error) {
      if (error instanceof TypeError) throw badRequest('a text of the HybridRow is not UTF-8')
      throw error
    }
  }
}
