import type { Socket } from 'node:net'
import type { Sender } from 'rhea'
import { type Condition, conditionOf, type Refusal, STOPPING } from './conditions.ts'
import { encodeDelivery, encodeMetrics } from './event-message.ts'
import type { LogChunk, PartitionLog } from './partition-log.ts'
import type { Member } from './receiver-set.ts'
import { creditOf, sessionOf } from './rhea-internals.ts'
import type { StartPosition } from './start-position.ts'

/** Written in one turn, before other links and the socket have theirs. */
const TURN_BYTES = 256 * 1024
/** rhea counts credit and transfers without the wrap-around of AMQP's 32 bits. */
const COUNT_LIMIT = 2 ** 31

const NOTHING: readonly LogChunk['events'][number][] = []

/**
 * A link that a consumer receives on. It holds one chunk of the log and reads the next when the peer's credit, its session
 * window and the socket took that one: a slow consumer waits in the file, not in memory.
 */
export class ConsumerLink implements Member {
  readonly epoch: number | undefined
  readonly #sender: Sender
  readonly #socket: Socket
  readonly #log: PartitionLog
  readonly #start: StartPosition
  readonly #metrics: boolean
  readonly #stopListening: () => void
  #events = NOTHING
  #at = 0
  #next: number
  #busy = false
  #closed = false

  constructor(
    sender: Sender,
    socket: Socket,
    log: PartitionLog,
    options: { readonly start: StartPosition; readonly epoch: number | undefined; readonly metrics: boolean },
  ) {
    this.#sender = sender
    this.#socket = socket
    this.#log = log
    this.#start = options.start
    this.epoch = options.epoch
    this.#metrics = options.metrics
    this.#next = log.seek(options.start)
    this.#stopListening = log.onAppend(() => this.pump())
  }

  /** Sends what may be sent now. Called whenever that could have changed: append, flow, drained socket. */
  pump(): void {
    if (this.#closed || this.#busy) return
    try {
      this.#busy = this.#send()
    } catch (error) {
      this.#end(conditionOf(error))
    }
  }

  disconnect(reason: Refusal): void {
    this.#end(conditionOf(reason))
  }

  /** Forgets the link; the peer has closed it, or is gone. */
  close(): void {
    this.#closed = true
    this.#events = NOTHING
    this.#stopListening()
  }

  #end(condition: Condition): void {
    this.close()
    this.#sender.close(condition)
  }

  /** @returns whether it goes on by itself. */
  #send(): boolean {
    const { outgoing } = sessionOf(this.#sender)
    const { credit, _draining: draining } = creditOf(this.#sender)
    if (credit > COUNT_LIMIT || outgoing.next_transfer_id > COUNT_LIMIT) {
      this.#end(STOPPING)
      return false
    }
    const room = this.#socket.writableNeedDrain ? 0 : Math.min(credit, outgoing.available(), outgoing.transfer_window())
    const metrics = this.#metrics && room > 0 ? encodeMetrics(this.#log.info, Date.now()) : undefined
    let sent = 0
    let bytes = 0
    while (sent < room && bytes < TURN_BYTES) {
      const event = this.#events[this.#at]
      if (event === undefined) {
        const chunk = this.#log.read(this.#next)
        if (chunk instanceof Promise) {
          chunk.then((loaded) => this.#continue(loaded)).catch((error: unknown) => this.#end(conditionOf(error)))
          return true
        }
        if (chunk) this.#take(chunk)
        else if (draining && sent === 0) this.#answerDrain()
        if (!chunk) break
        continue
      }
      this.#at++
      if (event[this.#start.key] < this.#start.min) continue
      const message = encodeDelivery(event, metrics)
      // Message format 0 in so many words: without it the SDK yields empty events.
      this.#sender.send(message, undefined, 0)
      sent++
      bytes += message.length
    }
    if (sent === 0) return false
    // rhea writes each frame by itself, in the next tick: they leave the process together.
    this.#socket.cork()
    setImmediate(() => {
      this.#socket.uncork()
      this.#continue()
    })
    return true
  }

  #continue(chunk?: LogChunk): void {
    this.#busy = false
    if (this.#closed) return
    if (chunk) this.#take(chunk)
    this.pump()
  }

  #take(chunk: LogChunk): void {
    this.#events = chunk.events
    this.#at = 0
    this.#next = chunk.next
  }

  #answerDrain(): void {
    this.#sender.set_drained(true)
    this.#sender.connection._register()
  }
}
