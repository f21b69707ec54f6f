import type { Socket } from 'node:net'
import type { Delivery, Receiver } from 'rhea'
import { conditionOf } from './conditions.ts'
import { decodePublished } from './event-message.ts'
import type { PartitionLog } from './partition-log.ts'
import { creditOf } from './rhea-internals.ts'

const CREDIT = 500
const BACKLOG_LIMIT = 8 * 1024 * 1024

/** Bytes of one connection that wait for the disk. Beyond the limit its socket is not read, whatever credit it holds. */
export class Backlog {
  readonly #socket: Socket
  #bytes = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  add(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > BACKLOG_LIMIT) this.#socket.pause()
  }

  remove(bytes: number): void {
    this.#bytes -= bytes
    if (this.#bytes <= BACKLOG_LIMIT && this.#socket.isPaused()) this.#socket.resume()
  }
}

/** A link that a producer sends events on. */
export class ProducerLink {
  readonly #receiver: Receiver
  readonly #choose: (partitionKey: string | undefined) => PartitionLog
  readonly #backlog: Backlog

  constructor(receiver: Receiver, choose: (partitionKey: string | undefined) => PartitionLog, backlog: Backlog) {
    this.#receiver = receiver
    this.#choose = choose
    this.#backlog = backlog
    receiver.add_credit(CREDIT)
  }

  /** Stores one transfer's events, and acknowledges it when they are on disk. */
  onMessage(payload: Buffer, delivery: Delivery): void {
    const { credit } = creditOf(this.#receiver)
    if (credit <= CREDIT / 2) this.#receiver.add_credit(CREDIT - credit)
    this.#backlog.add(payload.length)
    this.#store(payload, delivery.format)
      .then(
        () => delivery.accept(),
        (error: unknown) => delivery.reject(conditionOf(error)),
      )
      .finally(() => this.#backlog.remove(payload.length))
  }

  // Up to `append` it runs at once, so that transfers are stored in the order they came.
  async #store(payload: Buffer, format: number): Promise<void> {
    const { partitionKey, events } = decodePublished(payload, format)
    await this.#choose(partitionKey).append(events)
  }
}
