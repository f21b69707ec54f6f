import type { Container, JSONObject, OperationInput } from '@azure/cosmos'
import { TidemarkError } from '../../core/errors.ts'
import { eventId, type RecordedEvent } from '../../core/event.ts'
import type { AppendResult, CommandMark, EventHistory, EventStore, HistoryRange } from '../../core/ports.ts'
import { bounded, itemsOf, pagesOf } from './bounded.ts'
import { writeError } from './client.ts'
import { readItem } from './items.ts'
import { eventOfItem, eventsOfItems, type MarkItem, markId } from './log-item.ts'

const PAGE = 500

/** The log in a Cosmos DB container with the partition key `/stream`; one item an event, its id the zero-padded version. */
export class CosmosEventStore implements EventStore, EventHistory {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedEvent[]> {
    // Who has a part of a stream mostly has all of it: a point read tells that for a fraction of a query's cost.
    const next = after > 0 ? await readItem(this.#container, { id: eventId(after + 1), pk: stream }) : undefined
    if (after > 0 && next === undefined) return
    const query = {
      query: 'SELECT * FROM c WHERE c.stream = @stream AND c.version > @after ORDER BY c.version',
      parameters: [
        { name: '@stream', value: stream },
        { name: '@after', value: after },
      ],
    }
    for await (const page of pagesOf(this.#container, query, { partitionKey: stream, maxItemCount: PAGE }))
      yield eventsOfItems(page)
  }

  async readEvent(stream: string, version: number): Promise<RecordedEvent | undefined> {
    const item = await readItem(this.#container, { id: eventId(version), pk: stream })
    return item && eventOfItem(item)
  }

  async readRange(stream: string, { direction, after, limit }: HistoryRange): Promise<readonly RecordedEvent[]> {
    const [comparison, order] = direction === 'forward' ? ['>', 'ASC'] : ['<', 'DESC']
    const query = {
      query: `SELECT * FROM c WHERE c.stream = @stream AND c.version ${comparison} @after ORDER BY c.version ${order} OFFSET 0 LIMIT ${limit}`,
      parameters: [
        { name: '@stream', value: stream },
        // Marks have no version: a comparison with one leaves them out, so there always is one.
        { name: '@after', value: after ?? (direction === 'forward' ? 0 : Number.MAX_SAFE_INTEGER) },
      ],
    }
    return eventsOfItems(await itemsOf(this.#container, query, { partitionKey: stream }))
  }

  async readMark(stream: string, key: string): Promise<CommandMark | undefined> {
    const item = await readItem<MarkItem>(this.#container, { id: markId(key), pk: stream })
    if (item === undefined) return undefined
    const { fingerprint, from, to } = item
    return { key, fingerprint, from, to }
  }

  /** https://learn.microsoft.com/azure/cosmos-db/transactional-batch */
  async append(events: readonly RecordedEvent[], mark: CommandMark): Promise<AppendResult> {
    const [first] = events
    if (first === undefined) throw new TidemarkError('internal', 'an append has at least one event')
    const { stream } = first
    const markItem: MarkItem = { id: markId(mark.key), stream, ...mark }
    const operations: OperationInput[] = [markItem, ...events].map((item) => ({
      operationType: 'Create',
      resourceBody: { ...item } as JSONObject,
    }))
    // Creating version 8 proves that no other 8 is there; reading 7 proves that there is a 7 to follow.
    if (first.version > 1) operations.unshift({ operationType: 'Read', id: eventId(first.version - 1) })

    const response = await this.#container.items.batch(operations, stream, bounded()).catch((error: unknown) => {
      throw writeError(error, this.#container)
    })
    const results = response.result ?? []
    const failed = results.find((result) => result.statusCode >= 400 && result.statusCode !== 424)
    if (failed === undefined) {
      if (results.length !== operations.length)
        throw new TidemarkError(
          'outcome-unknown',
          `the store answered ${results.length} of ${operations.length} operations`,
        )
      return 'appended'
    }
    switch (failed.statusCode) {
      case 409:
        return 'conflict'
      case 404:
        return 'missing'
      case 413:
        throw new TidemarkError('decision-too-large', 'the store takes no batch of this size')
      case 429:
        throw new TidemarkError('unavailable', 'the store is throttled')
      case 408:
      case 449:
        throw new TidemarkError('outcome-unknown', 'the store did not say whether it wrote')
      default:
        throw new TidemarkError('internal', `the store refused the append with ${failed.statusCode}`)
    }
  }
}
