import type { Container, JSONObject } from '@azure/cosmos'
import type { HandlerPoints, HubPoint, InstanceProgress, ProgressStore } from '../core/ports.ts'
import { bounded, queryItems } from './bounded.ts'
import { writeError } from './client.ts'
import { removeItem } from './items.ts'

/** Handlers at the same point; usually all handlers are. */
interface PointItem extends HubPoint {
  readonly handlers: readonly string[]
}

interface ProgressItem {
  /** The instance's id. */
  readonly id: string
  /** The consumer's name. */
  readonly pk: string
  readonly build: string
  readonly handlers: readonly string[]
  /** Absent if no handler is paused. */
  readonly paused?: readonly string[]
  readonly partitions: Readonly<Record<string, readonly PointItem[]>>
}

/**
 * The consumer progress of the instances of one consumer: one item for each, in a container with the
 * partition key `/pk`. The container must be read with the account's default consistency, because an instance
 * may rely on what another has just written.
 */
export class CosmosProgress implements ProgressStore {
  readonly #container: Container
  readonly #consumer: string

  constructor(container: Container, consumer: string) {
    this.#container = container
    this.#consumer = consumer
  }

  async read(): Promise<readonly (InstanceProgress & { readonly age: number })[]> {
    const query =
      'SELECT c.id, c.build, c.handlers, c.paused, c.partitions, c._ts, GetCurrentTimestampStatic() AS now FROM c'
    const items = await queryItems<ProgressItem & { readonly _ts: number; readonly now: number }>(
      this.#container,
      { query },
      { partitionKey: this.#consumer },
    )
    return items.map(({ id, build, handlers, paused = [], partitions, _ts, now }) => ({
      instance: id,
      build,
      handlers,
      paused,
      partitions: new Map(Object.entries(partitions).map(([partition, points]) => [partition, parsePoints(points)])),
      age: now / 1000 - _ts,
    }))
  }

  async write({ instance, build, handlers, paused, partitions }: InstanceProgress): Promise<void> {
    const item: ProgressItem = {
      id: instance,
      pk: this.#consumer,
      build,
      handlers,
      ...(paused.length > 0 ? { paused } : {}),
      partitions: Object.fromEntries([...partitions].map(([partition, points]) => [partition, toPointItems(points)])),
    }
    try {
      await this.#container.items.upsert(item as unknown as JSONObject, bounded())
    } catch (error) {
      throw writeError(error, this.#container)
    }
  }

  remove(instance: string): Promise<void> {
    return removeItem(this.#container, { id: instance, pk: this.#consumer })
  }
}

function parsePoints(items: readonly PointItem[]): HandlerPoints {
  return new Map(
    items.flatMap(({ sequence, time, handlers }) => handlers.map((handler) => [handler, { sequence, time }] as const)),
  )
}

function toPointItems(points: HandlerPoints): readonly PointItem[] {
  const equal = Map.groupBy(points, ([, { sequence, time }]) => `${sequence} ${time}`)
  return [...equal.values()].flatMap((some) => {
    const [first] = some
    return first ? [{ ...first[1], handlers: some.map(([handler]) => handler) }] : []
  })
}
