import { outOfOrder, producerStolen, type Refusal } from '../api/conditions.ts'
import type { PublishingProperties } from './event-message.ts'

/** The stored state of an idempotent producer. */
export interface KnownProducer {
  readonly id: number
  readonly epoch: number
  /** Sequence number of the last event it published. */
  readonly sequence: number
}

/** Most producers in a table, because every segment's header stores it. The least recently used are dropped first. */
export const PRODUCER_LIMIT = 1000

/** The idempotent producers of one partition. Each one's last event decides which batch it may send next. */
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
   * Registers a producer that connects. It continues its known sequence, or starts from `sequence` if the
   * producer or its epoch is new.
   * @throws Refusal com.microsoft:producer-epoch-stolen if it was opened with a higher epoch since.
   */
  open(id: number, epoch: number, sequence: number): void {
    const known = this.#known.get(id)
    if (known && epoch < known.epoch) throw producerStolen(epoch, known.epoch)
    this.set(known && epoch === known.epoch ? known : { id, epoch, sequence })
  }

  /**
   * Checks a batch of `count` events, and records it if it is new. An unknown producer or epoch may start at
   * any sequence number.
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
