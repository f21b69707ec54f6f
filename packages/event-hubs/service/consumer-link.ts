import type { Condition } from '../amqp/condition.ts'
import type { AmqpConnection } from '../amqp/connection.ts'
import type { OutgoingLink } from '../amqp/link.ts'
import { injectedSteal, type Refusal, STOPPING, toCondition } from '../api/conditions.ts'
import { encodeMetrics } from '../log/event-message.ts'
import { EventCursor } from '../log/log-record.ts'
import type { LogChunk, PartitionLog } from '../log/partition-log.ts'
import { rewindStart } from '../log/rewind.ts'
import type { StartPosition } from '../log/start-position.ts'
import type { Namespace } from '../namespace/namespace.ts'
import type { Receiver } from '../namespace/receiver-set.ts'

/** Sent in one turn, before other links and the socket have theirs. */
const TURN_BYTES = 256 * 1024
/**
 * The SDK's credit only ever grows; before it reaches 2^32, which its own codec cannot write, a new link
 * starts it again.
 */
const CREDIT_LIMIT = 2 ** 31

export interface ConsumerOptions {
  readonly start: StartPosition
  readonly epoch: number | undefined
  /** It asked for `enable-receiver-runtime-metric`. */
  readonly metrics: boolean
}

/**
 * A link that a consumer receives on. It holds a chunk of the log or two and reads the next when the peer's
 * credit, its session window and the socket took that one: a slow consumer waits in the file, not in memory.
 */
export class ConsumerLink implements Receiver {
  readonly epoch: number | undefined
  readonly #link: OutgoingLink
  readonly #connection: AmqpConnection
  readonly #log: PartitionLog
  readonly #namespace: Namespace
  #start: StartPosition
  readonly #metrics: boolean
  readonly #stopListening: () => void
  #chunk: LogChunk | undefined
  #cursor: EventCursor | undefined
  /** The cursor stands on an event that is still to be sent. */
  #ready = false
  #next = 0
  #ahead: Promise<LogChunk> | undefined
  /** Something is awaited that calls `#go` when it has come. */
  #isWaiting = true
  #closed = false

  constructor(
    link: OutgoingLink,
    connection: AmqpConnection,
    log: PartitionLog,
    namespace: Namespace,
    options: ConsumerOptions,
  ) {
    this.#link = link
    this.#connection = connection
    this.#log = log
    this.#namespace = namespace
    this.#start = options.start
    this.epoch = options.epoch
    this.#metrics = options.metrics
    link.onCapacity = () => this.pump()
    this.#stopListening = log.onAppend(() => this.pump())
  }

  /** Finds the first event, and sends from there on. */
  start(): void {
    this.#wait(this.#findFirst(this.#namespace.faults.rewind()), (position) => {
      this.#next = position
    })
  }

  async #findFirst(back: number): Promise<number> {
    if (back > 0) this.#start = await rewindStart(this.#log, this.#start, back)
    return this.#log.seek(this.#start)
  }

  /** Sends what may be sent now. Called whenever that could have changed: append, flow, drained socket. */
  pump(): void {
    if (this.#closed || this.#isWaiting) return
    try {
      this.#send()
    } catch (error) {
      this.#end(toCondition(error))
    }
  }

  disconnect(reason: Refusal): void {
    this.#end(toCondition(reason))
  }

  /** Forgets the link; the peer has closed it, or is gone. */
  close(): void {
    this.#closed = true
    this.#forget()
    this.#ahead = undefined
    this.#stopListening()
  }

  #end(condition: Condition): void {
    if (this.#closed) return
    this.close()
    this.#link.detach(condition)
  }

  #send(): void {
    if (this.#link.credit > CREDIT_LIMIT) this.#end(STOPPING)
    if (this.#closed || this.#connection.isCongested || this.#link.capacity === 0 || !this.#advance()) return
    const fault = this.#namespace.faults.onDeliver()
    if (fault === 'steal') this.disconnect(injectedSteal())
    else if (fault === 'drop') this.#connection.destroy()
    else this.#sendTurn()
  }

  /** The cursor stands on the first event of the turn. */
  #sendTurn(): void {
    const { faults, throttle } = this.#namespace
    const metrics = this.#metrics ? encodeMetrics(this.#log.info, Date.now()) : undefined
    let sent = 0
    let bytes = 0
    do {
      const cursor = this.#cursor as EventCursor
      this.#link.send(cursor.bytes, cursor.start, cursor.end, cursor.insert, metrics)
      bytes += cursor.end - cursor.start
      sent++
      this.#ready = false
    } while (bytes < TURN_BYTES && this.#link.capacity > 0 && this.#advance())
    const ms = Math.max(faults.latencyMs(), throttle?.egressDelayMs(bytes, sent) ?? 0)
    if (this.#isWaiting) return
    if (ms > 0) this.#pauseUntil((go) => setTimeout(go, ms))
    else if (bytes >= TURN_BYTES) this.#pauseUntil((go) => setImmediate(go))
  }

  #pauseUntil(schedule: (go: () => void) => void): void {
    this.#isWaiting = true
    schedule(() => this.#resume())
  }

  /** Moves on to the next event to be sent; false when there is none now. */
  #advance(): boolean {
    while (!this.#ready) {
      if (this.#cursor?.next()) this.#ready = this.#cursor[this.#start.key] >= this.#start.min
      else if (!this.#readNext()) return false
    }
    return true
  }

  #readNext(): boolean {
    const chunk = this.#ahead ?? this.#log.read(this.#next)
    this.#ahead = undefined
    if (chunk instanceof Promise) {
      this.#wait(chunk, (read) => {
        this.#take(read)
        this.#readAhead()
      })
      return false
    }
    if (chunk) this.#take(chunk)
    // Memory of events that are sent is given back while there are no new ones.
    else this.#forget()
    if (!chunk && this.#link.draining) this.#link.drained()
    return chunk !== undefined
  }

  #take(chunk: LogChunk): void {
    this.#forget()
    this.#chunk = chunk
    this.#cursor = new EventCursor(chunk)
    this.#next = chunk.next
  }

  #forget(): void {
    this.#chunk?.done?.()
    this.#chunk = undefined
    this.#cursor = undefined
    this.#ready = false
  }

  /** While one chunk of the file is sent, the next is read. */
  #readAhead(): void {
    const ahead = this.#log.read(this.#next)
    if (!(ahead instanceof Promise)) return
    // Whoever takes it hears of a failure.
    ahead.catch(() => {})
    this.#ahead = ahead
  }

  #wait<T>(value: Promise<T>, take: (value: T) => void): void {
    this.#isWaiting = true
    value
      .then((come) => {
        if (!this.#closed) take(come)
        this.#resume()
      })
      .catch((error: unknown) => {
        if (this.#closed) return
        // A damaged file: whoever runs the endpoint must hear of it, not its clients alone.
        console.error(`eventhubs: ${(error as Error).message}`)
        this.#end(toCondition(error))
      })
  }

  #resume(): void {
    this.#isWaiting = false
    this.pump()
  }
}
