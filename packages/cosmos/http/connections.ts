import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const MAX_CONNECTIONS = 2000
/** For all connections together: answers that clients have not read yet. */
const MAX_PENDING_BYTES = 256 * 1024 * 1024
/** Unanswered requests of one connection. */
const MAX_PIPELINED = 32
/** An answer that the client has not read by then is dropped. */
const ANSWER_TIMEOUT_MS = 60_000
const CHECK_INTERVAL_MS = 5000

interface PendingAnswer {
  readonly bytes: number
  readonly since: number
}

/**
 * Limits what clients may hold of this process. At a limit it drops the client that has kept it waiting for
 * longest, with an incomplete request or an unread answer. So slow clients cannot lock out others, however many
 * they are.
 */
export class Connections {
  readonly #max: number
  readonly #maxPendingBytes: number
  readonly #all = new Map<Socket, number>()
  /** Connections without a complete request since they were opened or answered, the longest waiting first. */
  readonly #waiting = new Set<Socket>()
  /** Answers that clients have not read yet, the oldest first. */
  readonly #pending = new Map<ServerResponse, PendingAnswer>()
  #pendingBytes = 0

  constructor(server: Server, max = MAX_CONNECTIONS, maxPendingBytes = MAX_PENDING_BYTES) {
    this.#max = max
    this.#maxPendingBytes = maxPendingBytes
    server.on('connection', (socket: Socket) => this.#accept(socket))
    // One timer for all: a timer for each answer would cost too much.
    const timer = setInterval(() => this.#dropExpired(), CHECK_INTERVAL_MS).unref()
    server.once('close', () => clearInterval(timer))
  }

  /**
   * Counts a request that begins. No real client sends many before it has seen an answer.
   * @returns false for a connection with too many: it is closed.
   */
  startRequest(socket: Socket): boolean {
    const unanswered = (this.#all.get(socket) ?? 0) + 1
    this.#all.set(socket, unanswered)
    if (unanswered > MAX_PIPELINED) socket.destroy()
    return !socket.destroyed
  }

  /** Records a complete request: now the client waits for the emulator. */
  requestReceived(socket: Socket): void {
    this.#waiting.delete(socket)
  }

  /** Records an answer of this many bytes. The client may read it slowly, within limits. */
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

  /** Releases the answer here: one that is queued behind others is not closed with the connection. */
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
