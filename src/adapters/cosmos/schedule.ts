import { hash } from 'node:crypto'
import type { Container } from '@azure/cosmos'
import type { Schedule, ScheduledCommand } from '../../core/ports.ts'
import { bounded, pagesOf } from './bounded.ts'
import { codeOf, writeError } from './client.ts'
import { removeItem } from './items.ts'

/** A scheduled command as its container keeps it: an item by itself, so that no partition holds them all. */
interface ScheduleItem extends ScheduledCommand {
  readonly id: string
  readonly pk: string
  /** `due` in milliseconds since 1970: what the store compares with its clock, and the container is ordered by. */
  readonly dueAt: number
}

/** One moment for all items of a partition, and an index serves it. https://learn.microsoft.com/cosmos-db/query/getcurrenttimestampstatic */
const DUE = 'SELECT * FROM c WHERE c.dueAt <= GetCurrentTimestampStatic() ORDER BY c.dueAt'

/** Commands that wait for their time in a Cosmos DB container with the partition key `/pk`. The store says what is due. */
export class CosmosSchedule implements Schedule {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async add(scheduled: ScheduledCommand): Promise<void> {
    try {
      await this.#container.items.create(itemOf(scheduled), bounded())
    } catch (error) {
      // It waits already, and stays as it is.
      if (codeOf(error) !== 409) throw writeError(error, this.#container)
    }
  }

  async *due(size: number): AsyncIterable<readonly ScheduledCommand[]> {
    for await (const items of pagesOf<ScheduleItem>(this.#container, { query: DUE }, { maxItemCount: size }))
      yield items.map(({ stream, key, due, command, metadata }) => ({ stream, key, due, command, metadata }))
  }

  remove(scheduled: ScheduledCommand): Promise<void> {
    return removeItem(this.#container, itemOf(scheduled))
  }
}

function itemOf({ stream, key, due, command, metadata }: ScheduledCommand): ScheduleItem {
  const id = hash('sha256', JSON.stringify([stream, key]))
  return { id, pk: id, dueAt: Date.parse(due), stream, key, due, command, metadata }
}
