import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const MAX_CONNECTIONS = 2000
/** Of all connections together: what was answered and is not taken by the other side. */
const MAX_UNTAKEN_BYTES = 256 * 1024 * 1024
/** An answer that is not taken by then is not waited for any longer. */
const TAKEN_WITHIN_MS = 60_000
const LOOK_MS = 5000

interface Untaken {
  readonly bytes: number
  readonly since: number
}

/**
 * Bounds what clients may hold of this process. At its limits whoever has kept it waiting for longest goes: a connection that sends no
 * request to its end, or takes no answer. So slow clients cannot lock out others, however many they are.
 */
export class Connections {
  readonly #max: number
  readonly #maxUntakenBytes: number
  readonly #all = new Set<Socket>()
  /** Those of which no complete request has come since they were opened or answered, the longest first. */
  readonly #waiting = new Set<Socket>()
  /** The answers that were not taken yet, the longest first. */
  readonly #untaken = new Map<ServerResponse, Untaken>()
  #untakenBytes = 0

  constructor(server: Server, max = MAX_CONNECTIONS, maxUntakenBytes = MAX_UNTAKEN_BYTES) {
    this.#max = max
    this.#maxUntakenBytes = maxUntakenBytes
    server.on('connection', (socket: Socket) => this.#accept(socket))
    // One look at all of them: a timer for each answer costs more than what it is there for.
    const looking = setInterval(() => this.#giveUp(), LOOK_MS).unref()
    server.once('close', () => clearInterval(looking))
  }

  /** Its request is there to its end: it waits for this side now. */
  requested(socket: Socket): void {
    this.#waiting.delete(socket)
  }

  /** An answer of so many bytes is on its way: the other side takes it in its own time, within bounds. */
  answered(response: ServerResponse, bytes: number): void {
    const { socket } = response
    this.#untaken.set(response, { bytes, since: performance.now() })
    this.#untakenBytes += bytes
    response.once('close', () => {
      this.#release(response)
      if (socket && !socket.destroyed) this.#wait(socket)
    })
    for (const [first] of this.#untaken) {
      if (this.#untakenBytes <= this.#maxUntakenBytes) return
      this.#release(first)
      first.destroy()
    }
  }

  #giveUp(): void {
    const before = performance.now() - TAKEN_WITHIN_MS
    for (const [response, { since }] of this.#untaken) {
      if (since > before) return
      response.destroy()
    }
  }

  #release(response: ServerResponse): void {
    this.#untakenBytes -= this.#untaken.get(response)?.bytes ?? 0
    this.#untaken.delete(response)
  }

  #accept(socket: Socket): void {
    this.#all.add(socket)
    socket.once('close', () => {
      this.#all.delete(socket)
      this.#waiting.delete(socket)
    })
    this.#wait(socket)
    const [longest] = this.#waiting
    if (this.#all.size > this.#max) longest?.destroy()
  }

  #wait(socket: Socket): void {
    this.#waiting.delete(socket)
    this.#waiting.add(socket)
  }
}
