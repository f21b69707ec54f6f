import { outOfOrder, producerStolen, type Refusal } from '../api/conditions.ts'
import type { PublishingProperties } from './event-message.ts'

/** What is known of an idempotent producer. */
export interface KnownProducer {
  readonly id: number
  readonly epoch: number
  /** Of the last event it published. */
  readonly sequence: number
}

/** Those that published or opened longest ago are forgotten first: a table is part of every segment's header. */
export const PRODUCER_LIMIT = 1000

/** The idempotent producers of one partition: what they published last decides what is taken from them next. */
export class ProducerTable {
  /** By id, the newest last. */
  readonly #known: Map<number, KnownProducer>

  constructor(known: readonly KnownProducer[]) {
    this.#known = new Map(known.map((producer) => [producer.id, producer]))
  }

  get(id: number): KnownProducer | undefined {
    return this.#known.get(id)
  }

  set(producer: KnownProducer): void {
    this.#known.delete(producer.id)
    this.#known.set(producer.id, producer)
    if (this.#known.size > PRODUCER_LIMIT)
      for (const oldest of this.#known.keys()) return void this.#known.delete(oldest)
  }

  entries(): KnownProducer[] {
    return [...this.#known.values()]
  }

  /**
   * A producer connects: it goes on with a sequence that is known, or from `sequence` when it or its epoch is new.
   * @throws Refusal com.microsoft:producer-epoch-stolen when it was opened with a higher epoch since.
   */
  open(id: number, epoch: number, sequence: number): void {
    const known = this.#known.get(id)
    if (known && epoch < known.epoch) throw producerStolen(epoch, known.epoch)
    this.set(known && epoch === known.epoch ? known : { id, epoch, sequence })
  }

  /**
   * Judges a batch of `count` events, and counts it when it is new. From a producer or an epoch that is not
   * known, any sequence is taken: there is nothing to hold it against.
   */
  checkSequence(properties: PublishingProperties, count: number): 'new' | 'repeated' | Refusal {
    const known = this.#known.get(properties.id)
    const last = properties.sequence + count - 1
    if (known && properties.epoch < known.epoch) return producerStolen(properties.epoch, known.epoch)
    if (known && properties.epoch === known.epoch) {
      if (last <= known.sequence) return 'repeated'
      if (properties.sequence !== known.sequence + 1) return outOfOrder(properties.sequence, known.sequence + 1)
    }
    this.set({ id: properties.id, epoch: properties.epoch, sequence: last })
    return 'new'
  }
}
