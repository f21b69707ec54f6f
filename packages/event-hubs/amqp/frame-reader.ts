import { ProtocolError } from './condition.ts'

const SMALLEST = 8
const PROTOCOL_HEADER = 0x414d_5150 // 'AMQP'
/**
 * First buffer of an unfinished frame; later buffers are twice what has arrived. A peer can announce a large
 * size without sending it.
 */
const FIRST_BYTES = 4096

/** Receives whole protocol headers and frames as ranges of `bytes`. Returning false ends the reading. */
interface FrameSink {
  onHeader(bytes: Buffer, at: number): boolean
  onFrame(bytes: Buffer, start: number, end: number): boolean
}

/** Splits a byte stream into protocol headers and frames (AMQP 1.0 part 2, 2.2 and 2.3). */
export class FrameReader {
  readonly #limit: number
  readonly #sink: FrameSink
  #unfinished = Buffer.alloc(0)
  #filled = 0
  #needed = SMALLEST

  constructor(limit: number, sink: FrameSink) {
    this.#limit = limit
    this.#sink = sink
  }

  /** @throws ProtocolError for a frame that is too short or longer than the limit. */
  read(chunk: Buffer): void {
    let at = 0
    while (this.#filled > 0 && at < chunk.length) {
      at += this.#fill(chunk, at)
      if (this.#filled < this.#needed) return
      const bytes = this.#unfinished
      const length = this.#lengthAt(bytes, 0)
      if (length > this.#filled) {
        this.#needed = length
        continue
      }
      this.#filled = 0
      this.#unfinished = Buffer.alloc(0)
      if (!this.#take(bytes, 0, length)) return
    }
    while (chunk.length - at >= SMALLEST) {
      const length = this.#lengthAt(chunk, at)
      if (chunk.length - at < length) break
      if (!this.#take(chunk, at, at + length)) return
      at += length
    }
    if (at === chunk.length) return
    this.#needed = chunk.length - at >= SMALLEST ? this.#lengthAt(chunk, at) : SMALLEST
    this.#fill(chunk, at)
  }

  #take(bytes: Buffer, start: number, end: number): boolean {
    if (bytes.readUInt32BE(start) === PROTOCOL_HEADER) return this.#sink.onHeader(bytes, start)
    return this.#sink.onFrame(bytes, start, end)
  }

  #lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at)
    if (length === PROTOCOL_HEADER) return SMALLEST
    if (length < SMALLEST || length > this.#limit)
      throw new ProtocolError('amqp:connection:framing-error', `a frame of ${length} bytes (AMQP 1.0 2.3.1)`)
    return length
  }

  /** Copies as much of the unfinished frame as the chunk has, and returns the number of bytes. */
  #fill(chunk: Buffer, at: number): number {
    const filled = Math.min(this.#needed - this.#filled, chunk.length - at)
    const wanted = this.#filled + filled
    if (wanted > this.#unfinished.length) {
      const grown = Buffer.allocUnsafe(Math.min(this.#needed, Math.max(FIRST_BYTES, 2 * wanted)))
      this.#unfinished.copy(grown, 0, 0, this.#filled)
      this.#unfinished = grown
    }
    chunk.copy(this.#unfinished, this.#filled, at, at + filled)
    this.#filled = wanted
    return filled
  }
}
