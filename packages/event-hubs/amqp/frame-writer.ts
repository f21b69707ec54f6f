import type { Socket } from 'node:net'

/** Frames are collected in memory of this size, so that what is written together leaves in one system call. */
const SLAB_BYTES = 256 * 1024
/** Slabs kept for the next use: what the busiest connections need at once. */
const SPARE_SLABS = 16

interface Slab {
  readonly bytes: Buffer
  /** Writes of the socket that still read from it. */
  writes: number
}

const spare: Buffer[] = []

/** Collects a connection's outgoing frames and gives them to its socket at the end of the turn. */
export class FrameWriter {
  readonly #socket: Socket
  readonly #beforeFlush: () => void
  #slab: Slab | undefined
  #sent = 0
  #scheduled = false
  /** Where the next frame goes, after `room`. Whoever writes there moves `at` on. */
  bytes: Buffer = Buffer.alloc(0)
  at = 0

  /** @param beforeFlush may write what was held back until then. */
  constructor(socket: Socket, beforeFlush: () => void) {
    this.#socket = socket
    this.#beforeFlush = beforeFlush
  }

  /** Makes sure that `size` bytes can be written at `at`. */
  reserve(size: number): void {
    this.schedule()
    if (this.#slab && this.bytes.length - this.at >= size) return
    this.#send()
    this.#release(this.#slab)
    this.bytes = (size <= SLAB_BYTES && spare.pop()) || Buffer.allocUnsafeSlow(Math.max(size, SLAB_BYTES))
    this.#slab = { bytes: this.bytes, writes: 0 }
    this.at = this.#sent = 0
  }

  /** Writes a whole frame, or a protocol header. */
  write(frame: Buffer): void {
    this.reserve(frame.length)
    this.at += frame.copy(this.bytes, this.at)
  }

  /** Flushes when the current turn is over. */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(() => {
      if (this.#scheduled) this.flush()
    })
  }

  /** Gives the socket everything written so far. */
  flush(): void {
    this.#beforeFlush()
    this.#scheduled = false
    this.#send()
  }

  #send(): void {
    const slab = this.#slab
    if (!slab || this.at === this.#sent) return
    const part = this.bytes.subarray(this.#sent, this.at)
    this.#sent = this.at
    // After an end, of ours or of the socket, nothing can be written; the connection is told by its socket's events.
    if (!this.#socket.writable) return
    slab.writes++
    this.#socket.write(part, () => {
      slab.writes--
      if (slab !== this.#slab) this.#release(slab)
      else if (slab.writes === 0 && this.at === this.#sent) {
        // An idle connection holds none.
        this.#slab = undefined
        this.bytes = Buffer.alloc(0)
        this.at = this.#sent = 0
        this.#release(slab)
      }
    })
  }

  #release(slab: Slab | undefined): void {
    if (slab && slab.writes === 0 && slab.bytes.length === SLAB_BYTES && spare.length < SPARE_SLABS)
      spare.push(slab.bytes)
  }
}
