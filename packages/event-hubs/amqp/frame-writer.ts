import type { Socket } from 'node:net'

/** Frames are collected in buffers of this size, so that frames of one turn leave in one system call. */
const SLAB_BYTES = 256 * 1024
/** Spare slabs to reuse: what the busiest connections need at once. */
const SPARE_SLABS = 16

interface Slab {
  readonly bytes: Buffer
  /** Socket writes that still read from the slab. */
  writes: number
}

const spare: Buffer[] = []

/** Collects a connection's outgoing frames and passes them to its socket at the end of the turn. */
export class FrameWriter {
  readonly #socket: Socket
  readonly #beforeFlush: () => void
  #slab: Slab | undefined
  #sent = 0
  #scheduled = false
  /** Buffer of the next frame, after `reserve`. The caller writes at `at` and then advances it. */
  bytes: Buffer = Buffer.alloc(0)
  at = 0

  /** @param beforeFlush called before each flush; it may write frames that were waiting. */
  constructor(socket: Socket, beforeFlush: () => void) {
    this.#socket = socket
    this.#beforeFlush = beforeFlush
  }

  /** Makes room for `size` bytes at `at`. */
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

  /** Flushes at the end of the current turn. */
  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    process.nextTick(() => {
      if (this.#scheduled) this.flush()
    })
  }

  /** Passes everything written so far to the socket. */
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
    // Nothing can be written after either side has ended. The connection learns of it from the socket's
    // events.
    if (!this.#socket.writable) return
    slab.writes++
    this.#socket.write(part, () => {
      slab.writes--
      if (slab !== this.#slab) this.#release(slab)
      else if (slab.writes === 0 && this.at === this.#sent) {
        // An idle connection holds no slab.
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
