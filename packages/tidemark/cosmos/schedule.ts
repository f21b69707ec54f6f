import { hash } from 'node:crypto'
import type { Container } from '@azure/cosmos'
import { TidemarkError } from '../core/errors.ts'
import type { Schedule, ScheduleBrowser, ScheduledCommand, ScheduledPage } from '../core/ports.ts'
import { bounded, queryItems, queryPages } from './bounded.ts'
import { readErrorCode, writeError } from './client.ts'
import { removeItem } from './items.ts'

/** A scheduled command as stored. Each item is its own partition, so that no partition holds all of them. */
interface ScheduleItem extends ScheduledCommand {
  readonly id: string
  readonly pk: string
  /** `due` in milliseconds since 1970, which the store compares with its clock and sorts by. */
  readonly dueAt: number
}

/**
 * The function returns the same time for all items of a partition, and it can use an index.
 * https://learn.microsoft.com/cosmos-db/query/getcurrenttimestampstatic
 */
const DUE = 'SELECT * FROM c WHERE c.dueAt <= GetCurrentTimestampStatic() ORDER BY c.dueAt'

/**
 * Scheduled commands in a Cosmos DB container with the partition key `/pk`. The store's clock decides which
 * are due.
 */
export class CosmosSchedule implements Schedule, ScheduleBrowser {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async add(scheduled: ScheduledCommand): Promise<void> {
    try {
      await this.#container.items.create(toItem(scheduled), bounded())
    } catch (error) {
      // The command is scheduled already and stays unchanged.
      if (readErrorCode(error) !== 409) throw writeError(error, this.#container)
    }
  }

  async *due(size: number): AsyncIterable<readonly ScheduledCommand[]> {
    for await (const items of queryPages<ScheduleItem>(this.#container, { query: DUE }, { maxItemCount: size }))
      yield items.map(toScheduledCommand)
  }

  async list(limit: number, continuation?: string): Promise<ScheduledPage> {
    const [from, skip] = continuation === undefined ? [0, 0] : readPlace(continuation)
    const query = {
      query: `SELECT * FROM c WHERE c.dueAt >= @from ORDER BY c.dueAt OFFSET ${skip} LIMIT ${limit + 1}`,
      parameters: [{ name: '@from', value: from }],
    }
    const items = await queryItems<ScheduleItem>(this.#container, query)
    const page = items.slice(0, limit)
    const last = page.at(-1)
    const commands = page.map(toScheduledCommand)
    if (last === undefined || items.length <= limit) return { commands }
    // Skips the commands of the last moment that were already shown.
    const shown = page.filter(({ dueAt }) => dueAt === last.dueAt).length + (last.dueAt === from ? skip : 0)
    return { commands, continuation: `${last.dueAt}:${shown}` }
  }

  remove(scheduled: ScheduledCommand): Promise<void> {
    return removeItem(this.#container, toItem(scheduled))
  }
}

function toScheduledCommand({ stream, key, due, command, metadata }: ScheduleItem): ScheduledCommand {
  return { stream, key, due, command, metadata }
}

function readPlace(continuation: string): readonly [from: number, skip: number] {
  if (!/^\d{1,15}:\d{1,15}$/.test(continuation))
    throw new TidemarkError('invalid-query', 'the continuation was not returned by a page')
  const [from = 0, skip = 0] = continuation.split(':').map(Number)
  return [from, skip]
}

function toItem({ stream, key, due, command, metadata }: ScheduledCommand): ScheduleItem {
  const id = hash('sha256', JSON.stringify([stream, key]))
  return { id, pk: id, dueAt: Date.parse(due), stream, key, due, command, metadata }
}
