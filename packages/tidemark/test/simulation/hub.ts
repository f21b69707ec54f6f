import type { HubMessage } from '../../core/ports.ts'
import { hashText } from './dice.ts'
import { Signal } from './signal.ts'

/** A partition of a hub, with consecutively numbered messages. */
export class Partition {
  readonly id: string
  /** All messages that were ever sent to it. */
  readonly sent: HubMessage[] = []
  /** The sequence number of the oldest message that it still has. */
  first = 0
  readonly grown = new Signal()
  /** How far the clock of its machine is ahead, in milliseconds. */
  readonly #ahead: number

  constructor(id: string, ahead: number) {
    this.id = id
    this.#ahead = ahead
  }

  /** The sequence number of the next message. */
  get end(): number {
    return this.sent.length
  }

  /** The messages that it still has, `from` included, `to` excluded. */
  between(from: number, to: number): readonly HubMessage[] {
    return this.sent.slice(Math.max(from, this.first), to)
  }

  append(bodies: readonly unknown[], now: number): readonly HubMessage[] {
    const time = new Date(Math.floor(now + this.#ahead)).toISOString()
    const messages = bodies.map((body, index) => ({ sequence: this.sent.length + index, time, body }))
    this.sent.push(...messages)
    this.grown.raise()
    return messages
  }
}

/** A hub. The events of a stream are in one of its partitions, in the order in which they were sent. */
export class Hub {
  readonly name: string
  readonly partitions: readonly Partition[]
  readonly madeAt: string

  constructor(name: string, partitions: readonly Partition[], now: number) {
    this.name = name
    this.partitions = partitions
    this.madeAt = new Date(now).toISOString()
  }

  partition(id: string): Partition {
    const found = this.partitions[Number(id)]
    if (found === undefined) throw new Error(`the hub ${this.name} has no partition ${id}`)
    return found
  }

  findPartition(stream: string): Partition {
    return this.partition(String(hashText(0, stream) % this.partitions.length))
  }
}
