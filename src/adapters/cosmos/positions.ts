import type { Container } from '@azure/cosmos'
import type { StreamHead } from '../../core/hash-chain.ts'
import type { ConsumerPosition, WriteResult } from '../../core/ports.ts'
import { readItem, writeItem } from './items.ts'

const POSITION = 'position'

/** How far one consumer has come, an item for each stream, in a container with the partition key `/pk`. */
export class CosmosPositions {
  readonly #container: Container
  readonly #consumer: string

  /** @param consumer the first part of its items' partition keys: no other's. */
  constructor(container: Container, consumer: string) {
    this.#container = container
    this.#consumer = consumer
  }

  async readPosition(stream: string): Promise<ConsumerPosition | undefined> {
    const item = await readItem<{ readonly tip: StreamHead }>(this.#container, {
      id: POSITION,
      pk: this.#partition(stream),
    })
    return item && { tip: item.tip, etag: item._etag }
  }

  writePosition(stream: string, tip: StreamHead, etag: string | undefined): Promise<WriteResult> {
    return writeItem(this.#container, { id: POSITION, pk: this.#partition(stream), kind: POSITION, tip }, etag)
  }

  #partition(stream: string): string {
    return `${this.#consumer}|position|${stream}`
  }
}
