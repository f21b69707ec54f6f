import type { Container, JSONObject, OperationInput } from '@azure/cosmos'
import { TidemarkError } from '../core/errors.ts'
import { eventId } from '../core/event.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import type {
  Discard,
  ParkedEvent,
  ParkedKey,
  ParkedMessage,
  ParkedStream,
  ParkingChange,
  ParkingStore,
  StoredParkedStream,
} from '../core/parking.ts'
import type { WriteResult } from '../core/ports.ts'
import { bounded, queryItems } from './bounded.ts'
import { writeError } from './client.ts'
import { readItem, writeItem } from './items.ts'
import { MAX_EVENTS_PER_CHANGE } from './limits.ts'

const STREAM = 'stream'
const EVENT = 'event'
const MESSAGE = 'message'
const DISCARD = 'discard'
const FAILED_DEPENDENCY = 424

interface StoredValue<Value> {
  readonly value: Value
}

/**
 * The dead-letter store of one consumer: the parked streams and messages that wait for its handlers. They are
 * in a container with the partition key `/pk`, which is the consumer. The container must be read with the
 * account's default consistency, because an instance relies on what another has just written.
 */
export class CosmosParking implements ParkingStore {
  readonly #container: Container
  readonly #consumer: string
  readonly maxEventsPerChange = MAX_EVENTS_PER_CHANGE

  constructor(container: Container, consumer: string) {
    this.#container = container
    this.#consumer = consumer
  }

  async streams(): Promise<readonly StoredParkedStream[]> {
    const items = await this.#all<StoredValue<ParkedStream> & { readonly _etag: string }>(STREAM, 'c["value"], c._etag')
    return items.map(({ value, _etag }) => ({ ...value, etag: _etag }))
  }

  async stream(key: ParkedKey): Promise<StoredParkedStream | undefined> {
    const item = await readItem<StoredValue<ParkedStream>>(this.#container, { id: streamId(key), pk: this.#consumer })
    return item && { ...item.value, etag: item._etag }
  }

  /** Queries by the id, which is always indexed and sorts by version. */
  async events(key: ParkedKey, limit: number): Promise<readonly ParkedEvent[]> {
    const query = {
      query: `SELECT c.version, c.text FROM c WHERE c.id > @from AND c.id < @to ORDER BY c.id OFFSET 0 LIMIT ${limit}`,
      parameters: [
        { name: '@from', value: formatEventIdPrefix(key) },
        { name: '@to', value: `${formatEventIdPrefix(key)}~` },
      ],
    }
    return queryItems(this.#container, query, { partitionKey: this.#consumer })
  }

  async write(parked: ParkedStream, etag: string | undefined, change: ParkingChange): Promise<WriteResult> {
    const id = streamId(parked)
    const resourceBody = this.#item(id, STREAM, { value: parked })
    return this.#batch([
      etag === undefined
        ? { operationType: 'Create', resourceBody }
        : { operationType: 'Replace', id, resourceBody, ifMatch: etag },
      ...this.#operations(parked, change),
    ])
  }

  async remove(key: ParkedKey, etag: string, change: Omit<ParkingChange, 'add'>): Promise<boolean> {
    const id = streamId(key)
    const { outcome } = await this.#batch([
      // The service accepts a condition here too; only the SDK's types omit it.
      { operationType: 'Delete', id, ifMatch: etag } as OperationInput,
      ...this.#operations(key, change),
    ])
    return outcome === 'written'
  }

  async keepMessage(message: ParkedMessage): Promise<boolean> {
    const item = this.#item(`${MESSAGE}|${message.id}`, MESSAGE, { value: message })
    return (await writeItem(this.#container, item, undefined)).outcome === 'written'
  }

  async messages(): Promise<readonly ParkedMessage[]> {
    return (await this.#all<StoredValue<ParkedMessage>>(MESSAGE, 'c["value"]')).map(({ value }) => value)
  }

  async dropMessage(id: string, discard: Discard): Promise<void> {
    await this.#batch([{ operationType: 'Delete', id: `${MESSAGE}|${id}` }, this.#record(discard)])
  }

  async discards(): Promise<readonly Discard[]> {
    return (await this.#all<StoredValue<Discard>>(DISCARD, 'c["value"]')).map(({ value }) => value)
  }

  #all<Item>(kind: string, fields: string): Promise<readonly Item[]> {
    const query = {
      query: `SELECT ${fields} FROM c WHERE c.kind = @kind`,
      parameters: [{ name: '@kind', value: kind }],
    }
    return queryItems(this.#container, query, { partitionKey: this.#consumer })
  }

  #operations(key: ParkedKey, { add = [], drop = [], discard }: ParkingChange): OperationInput[] {
    return [
      ...add.map(({ version, text }): OperationInput => {
        const resourceBody = this.#item(eventItemId(key, version), EVENT, { version, text })
        return { operationType: 'Upsert', resourceBody }
      }),
      ...drop.map((version): OperationInput => ({ operationType: 'Delete', id: eventItemId(key, version) })),
      ...(discard ? [this.#record(discard)] : []),
    ]
  }

  /** Recording the same discard twice has no further effect. */
  #record(discard: Discard): OperationInput {
    const id = `${DISCARD}|${canonicalHash(discard)}`
    return { operationType: 'Upsert', resourceBody: this.#item(id, DISCARD, { value: discard }) }
  }

  #item(id: string, kind: string, fields: object): JSONObject & { readonly id: string; readonly pk: string } {
    return { id, pk: this.#consumer, kind, ...fields } as JSONObject & { readonly id: string; readonly pk: string }
  }

  /** @returns the etag of the first item; `conflict` if an item is missing, exists already or was changed. */
  async #batch(operations: OperationInput[]): Promise<WriteResult> {
    const { result = [] } = await this.#container.items
      .batch(operations, this.#consumer, bounded())
      .catch((error: unknown) => {
        throw writeError(error, this.#container)
      })
    const failed = result.find(({ statusCode }) => statusCode >= 400 && statusCode !== FAILED_DEPENDENCY)
    if (failed === undefined) return { outcome: 'written', etag: result[0]?.eTag ?? '' }
    switch (failed.statusCode) {
      case 404:
      case 409:
      case 412:
        return { outcome: 'conflict' }
      case 413:
        throw new TidemarkError('internal', 'the change exceeds the batch limit of the store')
      case 429:
        throw new TidemarkError('unavailable', 'the store is throttled')
      case 408:
      case 449:
        throw new TidemarkError('outcome-unknown', 'the store did not say whether it wrote')
      default:
        throw new TidemarkError('internal', `the store refused to park with ${failed.statusCode}`)
    }
  }
}

function streamId(key: ParkedKey): string {
  return `${STREAM}|${formatKey(key)}`
}

/** An id has no slash, which a stream of another service has after the service's name. */
function formatKey({ handler, stream }: ParkedKey): string {
  return `${handler}|${stream.replace('/', '|')}`
}

/** The common prefix of the item ids of a stream's events. */
function formatEventIdPrefix(key: ParkedKey): string {
  return `${EVENT}|${formatKey(key)}|`
}

function eventItemId(key: ParkedKey, version: number): string {
  return formatEventIdPrefix(key) + eventId(version)
}
