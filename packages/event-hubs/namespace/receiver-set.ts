import { kicked, type Refusal, stolen, tooManyReceivers } from '../api/conditions.ts'

const MAX_RECEIVERS = 5

/** A connected receiver of one partition and consumer group. */
export interface Member {
  /** Undefined: it shares the partition with up to four others. */
  readonly epoch: number | undefined
  /** Ends it because another took its place. */
  disconnect(reason: Refusal): void
}

/** The receivers of one partition in one consumer group: who may be there together. */
export class ReceiverSet {
  readonly #members = new Set<Member>()

  /**
   * Lets a receiver in; one with an epoch at least as high as the others' sends those away.
   * @throws Refusal amqp:link:stolen, amqp:resource-limit-exceeded
   */
  join(member: Member): void {
    const current = Math.max(...[...this.#members].map(({ epoch }) => epoch ?? Number.NEGATIVE_INFINITY))
    if (current > (member.epoch ?? Number.NEGATIVE_INFINITY)) throw stolen(member.epoch, current)
    if (member.epoch === undefined && this.#members.size >= MAX_RECEIVERS) throw tooManyReceivers(MAX_RECEIVERS)
    if (member.epoch !== undefined) {
      for (const other of [...this.#members]) {
        this.#members.delete(other)
        other.disconnect(kicked(member.epoch))
      }
    }
    this.#members.add(member)
  }

  leave(member: Member): void {
    this.#members.delete(member)
  }
}
