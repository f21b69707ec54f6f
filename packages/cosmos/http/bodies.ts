import type { IncomingMessage } from 'node:http'
import { badRequest, Failure, tooLarge } from '../api/failure.ts'

// A batch may hold 2 MB of items, with names and JSON around them.
const MAX_BODY_BYTES = 4 * 1024 * 1024
/** For all requests together. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024

const EMPTY = Buffer.alloc(0)

interface Reading {
  chunks: Buffer[]
  size: number
  readonly refuse: (failure: Failure) => void
}

/**
 * Reads request bodies, within a limit for all of them together. Beyond it the oldest one is refused, so that
 * slow senders do not lock out others.
 */
export class Bodies {
  readonly #maxBytes: number
  /** In the order in which they began. */
  readonly #reading = new Set<Reading>()
  #held = 0

  constructor(maxBytes = MAX_TOTAL_BYTES) {
    this.#maxBytes = maxBytes
  }

  /**
   * Reads a body. One that is too large is also read to its end, and dropped: a client that is still writing
   * does not see the answer.
   * @throws Failure 400, 413, 415 for a content coding, or 503.
   */
  async read(message: IncomingMessage): Promise<Buffer> {
    const coding = message.headers['content-encoding']?.toLowerCase() ?? 'identity'
    if (coding !== 'identity')
      throw new Failure(415, 'UnsupportedMediaType', `the content coding ${coding} is not supported by the emulator`)
    if (hasNoBody(message)) return EMPTY
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    const reading: Reading = { chunks: [], size: 0, refuse: reject }
    this.#reading.add(reading)
    const take = (chunk: Buffer): void => this.#take(reading, chunk)
    const cutOff = (): void => reject(badRequest('the request was cut off'))
    message.on('data', take).on('error', cutOff).on('close', cutOff)
    message.on('end', () => {
      // Every request closes in the end, and creating an error costs as much as an answer.
      message.off('error', cutOff).off('close', cutOff)
      if (reading.size > MAX_BODY_BYTES) reject(tooLarge(`a request has at most ${MAX_BODY_BYTES} bytes`))
      else resolve(Buffer.concat(reading.chunks))
    })
    try {
      return await promise
    } finally {
      message.off('data', take).off('error', cutOff).off('close', cutOff)
      this.#forget(reading)
    }
  }

  #take(reading: Reading, chunk: Buffer): void {
    reading.size += chunk.length
    if (reading.size > MAX_BODY_BYTES) this.#drop(reading)
    else {
      reading.chunks.push(chunk)
      this.#held += chunk.length
    }
    for (const first of this.#reading) {
      if (this.#held <= this.#maxBytes) return
      this.#forget(first)
      first.refuse(new Failure(503, 'ServiceUnavailable', 'too many bytes are being sent at once: try again later'))
    }
  }

  #forget(reading: Reading): void {
    this.#drop(reading)
    this.#reading.delete(reading)
  }

  #drop(reading: Reading): void {
    for (const { length } of reading.chunks) this.#held -= length
    reading.chunks = []
  }
}

/** https://www.rfc-editor.org/rfc/rfc9112#name-message-body-length */
function hasNoBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
}
