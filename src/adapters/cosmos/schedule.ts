import { hash } from 'node:crypto'
import type { Container } from '@azure/cosmos'
import type { Schedule, ScheduledCommand } from '../../core/ports.ts'
import { bounded, itemsOf } from './bounded.ts'
import { codeOf, writeError } from './client.ts'
import { removeItem } from './items.ts'

/** A scheduled command as its container keeps it: an item by itself, so that no partition holds them all. */
interface ScheduleItem extends ScheduledCommand {
  readonly id: string
  readonly pk: string
  /** When it is due and which it is: what the container is ordered by. */
  readonly place: string
}

// Greater than whatever follows the moment in a place.
const END = '~'

/** Commands that wait for their time in a Cosmos DB container with the partition key `/pk`. */
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

  async due(now: string, limit: number, after?: ScheduledCommand): Promise<readonly ScheduledCommand[]> {
    const query = {
      query: `SELECT * FROM c WHERE c.place > @after AND c.place <= @now ORDER BY c.place OFFSET 0 LIMIT ${limit}`,
      parameters: [
        { name: '@after', value: after === undefined ? '' : itemOf(after).place },
        { name: '@now', value: `${now} ${END}` },
      ],
    }
    const items = await itemsOf<ScheduleItem>(this.#container, query)
    return items.map(({ stream, key, due, command, metadata }) => ({ stream, key, due, command, metadata }))
  }

  remove(scheduled: ScheduledCommand): Promise<void> {
    return removeItem(this.#container, itemOf(scheduled))
  }
}

function itemOf({ stream, key, due, command, metadata }: ScheduledCommand): ScheduleItem {
  const id = hash('sha256', JSON.stringify([stream, key]))
  return { id, pk: id, place: `${due} ${id}`, stream, key, due, command, metadata }
}
