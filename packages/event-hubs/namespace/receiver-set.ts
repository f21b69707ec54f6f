import { type Refusal, receiverDisconnected, stolen, tooManyReceivers } from '../api/conditions.ts'

const MAX_RECEIVERS = 5

/** A connected receiver of one partition and consumer group. */
export interface Receiver {
  /** Undefined: the receiver shares the partition with up to four others. */
  readonly epoch: number | undefined
  /** Ends this receiver because another one replaces it. */
  disconnect(reason: Refusal): void
}

/** The receivers of one partition in one consumer group. Decides which receivers may be connected together. */
export class ReceiverSet {
  readonly #receivers = new Set<Receiver>()

  /**
   * Adds a receiver. One with an epoch at least as high as the others' disconnects them.
   * @throws Refusal amqp:link:stolen, amqp:resource-limit-exceeded
   */
  join(receiver: Receiver): void {
    const current = Math.max(...[...this.#receivers].map(({ epoch }) => epoch ?? Number.NEGATIVE_INFINITY))
    if (current > (receiver.epoch ?? Number.NEGATIVE_INFINITY)) throw stolen(receiver.epoch, current)
    if (receiver.epoch === undefined && this.#receivers.size >= MAX_RECEIVERS) throw tooManyReceivers(MAX_RECEIVERS)
    if (receiver.epoch !== undefined) {
      for (const other of [...this.#receivers]) {
        this.#receivers.delete(other)
        other.disconnect(receiverDisconnected(receiver.epoch))
      }
    }
    this.#receivers.add(receiver)
  }

  leave(receiver: Receiver): void {
    this.#receivers.delete(receiver)
  }
}
