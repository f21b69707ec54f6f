import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const MAX_CONNECTIONS = 2000
/** Of all connections together: what was answered and is not taken by the other side. */
const MAX_PENDING_BYTES = 256 * 1024 * 1024
/** Requests of one connection that were not answered yet. */
const MAX_PIPELINED = 32
/** An answer that is not taken by then is not waited for any longer. */
const ANSWER_TIMEOUT_MS = 60_000
const CHECK_INTERVAL_MS = 5000

interface PendingAnswer {
  readonly bytes: number
  readonly since: number
}

/**
 * Bounds what clients may hold of this process. At its limits whoever has kept it waiting for longest goes: a
 * connection that sends no request to its end, or takes no answer. So slow clients cannot lock out others,
 * however many they are.
 */
export class Connections {
  readonly #max: number
  readonly #maxPendingBytes: number
  /** With how many requests that were not answered yet. */
  readonly #all = new Map<Socket, number>()
  /** Those of which no complete request has come since they were opened or answered, the longest first. */
  readonly #waiting = new Set<Socket>()
  /** The answers that were not taken yet, the longest first. */
  readonly #pending = new Map<ServerResponse, PendingAnswer>()
  #pendingBytes = 0

  constructor(server: Server, max = MAX_CONNECTIONS, maxPendingBytes = MAX_PENDING_BYTES) {
    this.#max = max
    this.#maxPendingBytes = maxPendingBytes
    server.on('connection', (socket: Socket) => this.#accept(socket))
    // One look at all of them: a timer for each answer costs more than what it is there for.
    const timer = setInterval(() => this.#dropExpired(), CHECK_INTERVAL_MS).unref()
    server.once('close', () => clearInterval(timer))
  }

  /**
   * A request of it begins. No client that is in earnest sends many before it has seen an answer.
   * @returns whether it may: one that sends too many is ended.
   */
  startRequest(socket: Socket): boolean {
    const unanswered = (this.#all.get(socket) ?? 0) + 1
    this.#all.set(socket, unanswered)
    if (unanswered > MAX_PIPELINED) socket.destroy()
    return !socket.destroyed
  }

  /** Its request is there to its end: it waits for this side now. */
  requestReceived(socket: Socket): void {
    this.#waiting.delete(socket)
  }

  /** An answer of so many bytes is on its way: the other side takes it in its own time, within bounds. */
  answerSent(response: ServerResponse, bytes: number): void {
    const { socket } = response.req
    this.#pending.set(response, { bytes, since: performance.now() })
    this.#pendingBytes += bytes
    response.once('close', () => {
      this.#release(response)
      if (socket.destroyed) return
      const unanswered = (this.#all.get(socket) ?? 1) - 1
      this.#all.set(socket, unanswered)
      if (unanswered === 0) this.#wait(socket)
    })
    for (const [first] of this.#pending) {
      if (this.#pendingBytes <= this.#maxPendingBytes) return
      this.#drop(first)
    }
  }

  #dropExpired(): void {
    const before = performance.now() - ANSWER_TIMEOUT_MS
    for (const [response, { since }] of this.#pending) {
      if (since > before) return
      this.#drop(response)
    }
  }

  /** An answer behind others has no connection of its own yet, and is not closed with it: so it is let go here. */
  #drop(response: ServerResponse): void {
    this.#release(response)
    response.req.socket.destroy()
  }

  #release(response: ServerResponse): void {
    this.#pendingBytes -= this.#pending.get(response)?.bytes ?? 0
    this.#pending.delete(response)
  }

  #accept(socket: Socket): void {
    this.#all.set(socket, 0)
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
