import type { Condition } from '../amqp/condition.ts'
import type { OutgoingLink } from '../amqp/link.ts'
import { injectedSteal, type Refusal, STOPPING, toCondition } from '../api/conditions.ts'
import { encodeMetrics } from '../log/event-message.ts'
import { EventCursor } from '../log/log-record.ts'
import type { LogChunk, PartitionLog } from '../log/partition-log.ts'
import { rewindStart } from '../log/rewind.ts'
import type { StartPosition } from '../log/start-position.ts'
import type { Receiver } from '../namespace/receiver-set.ts'
import type { Client } from './client.ts'

/** Bytes sent in one turn, before other links and the socket have theirs. */
const TURN_BYTES = 256 * 1024
/**
 * The SDK's credit only grows, and its codec cannot write 2^32. So the link is detached before that, and the
 * SDK's next link starts with new credit.
 */
const CREDIT_LIMIT = 2 ** 31

interface ConsumerOptions {
  readonly start: StartPosition
  readonly epoch: number | undefined
  /** Whether the receiver asked for `enable-receiver-runtime-metric`. */
  readonly metrics: boolean
}

/**
 * A link that a consumer receives on. It holds at most two chunks of the log. It reads the next one after the
 * peer's credit, session window and socket have taken the current one, so a slow consumer costs little
 * memory.
 */
export class ConsumerLink implements Receiver {
  readonly epoch: number | undefined
  readonly #link: OutgoingLink
  readonly #client: Client
  readonly #log: PartitionLog
  #start: StartPosition
  readonly #metrics: boolean
  readonly #stopListening: () => void
  #chunk: LogChunk | undefined
  #cursor: EventCursor | undefined
  /** The cursor is at an event that is still to be sent. */
  #ready = false
  #next = 0
  #ahead: Promise<LogChunk> | undefined
  /** Something is pending that calls `#resume` when it is done. */
  #isWaiting = true
  #closed = false

  constructor(link: OutgoingLink, client: Client, log: PartitionLog, options: ConsumerOptions) {
    this.#link = link
    this.#client = client
    this.#log = log
    this.#start = options.start
    this.epoch = options.epoch
    this.#metrics = options.metrics
    link.onCapacity = () => this.pump()
    this.#stopListening = log.onAppend(() => this.pump())
  }

  /** Finds the first event, and starts sending there. */
  start(): void {
    this.#wait(this.#findFirst(this.#client.namespace.faults.rewind()), (position) => {
      this.#next = position
    })
  }

  async #findFirst(back: number): Promise<number> {
    if (back > 0) this.#start = await rewindStart(this.#log, this.#start, back)
    return this.#log.seek(this.#start)
  }

  /** Sends as much as is allowed now. Called after each append, flow and drain of the socket. */
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

  /** Stops sending, because the link is closed. */
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
    if (this.#closed || this.#client.connection.isCongested || this.#link.capacity === 0 || !this.#advance()) return
    const fault = this.#client.namespace.faults.onDeliver()
    if (fault === 'steal') this.disconnect(injectedSteal())
    else if (fault === 'drop') this.#client.connection.destroy()
    else this.#sendTurn()
  }

  /** Sends one turn. The cursor must be at its first event. */
  #sendTurn(): void {
    const { faults, throttle } = this.#client.namespace
    const metrics = this.#metrics ? encodeMetrics(this.#log.info, Date.now()) : undefined
    let sent = 0
    let bytes = 0
    do {
      const cursor = this.#cursor as EventCursor
      this.#link.send(cursor, metrics)
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

  /** Moves to the next event to send; false if there is none now. */
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
    // Without new events, release the memory of the sent ones.
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

  /** Reads the next chunk of the file while the current one is sent. */
  #readAhead(): void {
    const ahead = this.#log.read(this.#next)
    if (!(ahead instanceof Promise)) return
    // `#readNext` handles the failure later.
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
        // A damaged file: the operator of the emulator must see it, not only its clients.
        console.error(`eventhubs: ${(error as Error).message}`)
        this.#end(toCondition(error))
      })
  }

  #resume(): void {
    this.#isWaiting = false
    this.pump()
  }
}
