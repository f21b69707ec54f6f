import type { Container, JSONObject, OperationInput } from '@azure/cosmos'
import { TidemarkError } from '../../core/errors.ts'
import type { StreamHead } from '../../core/hash-chain.ts'
import type {
  ConsumerPosition,
  MarkedWriteResult,
  ViewDocument,
  ViewList,
  ViewStore,
  ViewWrite,
  WriteResult,
} from '../../core/ports.ts'
import { bounded, itemsOf } from './bounded.ts'
import { writeError } from './client.ts'
import { type ItemKey, readItem, writeItem } from './items.ts'
import { CosmosPositions } from './positions.ts'

const DOCUMENT = 'document'

interface DocumentItem {
  readonly document?: unknown
  readonly tip?: StreamHead
}

/**
 * One generation of a view in a Cosmos DB container with the partition key `/pk`, of which the generation is the first part: a
 * document and the marks of what was applied to it share a partition, so that one batch writes both.
 */
export class CosmosViewStore implements ViewStore {
  readonly #container: Container
  readonly #generation: number
  readonly #markTtlSeconds: number
  readonly #positions: CosmosPositions

  constructor(container: Container, generation: number, markTtlSeconds: number) {
    this.#container = container
    this.#generation = generation
    this.#markTtlSeconds = markTtlSeconds
    this.#positions = new CosmosPositions(container, String(generation))
  }

  async read(key: string): Promise<ViewDocument | undefined> {
    const item = await readItem<DocumentItem>(this.#container, { id: DOCUMENT, pk: this.#documentPartition(key) })
    if (item === undefined) return undefined
    return { document: item.document, ...(item.tip ? { tip: item.tip } : {}), etag: item._etag }
  }

  writeWithTip(key: string, write: ViewWrite, tip: StreamHead): Promise<WriteResult> {
    return writeItem(this.#container, { ...this.#documentItem(key, write), tip }, write.etag)
  }

  async writeWithMarks(key: string, write: ViewWrite, marks: readonly string[]): Promise<MarkedWriteResult> {
    const pk = this.#documentPartition(key)
    const resourceBody = this.#documentItem(key, write)
    const operations: OperationInput[] = [
      write.etag === undefined
        ? { operationType: 'Create', resourceBody }
        : { operationType: 'Replace', id: DOCUMENT, resourceBody, ifMatch: write.etag },
      ...marks.map(
        (mark): OperationInput => ({
          operationType: 'Create',
          resourceBody: { id: markId(mark), pk, kind: 'mark', ttl: this.#markTtlSeconds },
        }),
      ),
    ]
    const { result = [] } = await this.#container.items.batch(operations, pk, bounded()).catch((error: unknown) => {
      throw writeError(error, this.#container)
    })
    const failed = result.findIndex((item) => item.statusCode >= 400 && item.statusCode !== 424)
    const etag = result[0]?.eTag
    if (failed === -1 && etag !== undefined) return { outcome: 'written', etag }
    const status = result[failed]?.statusCode
    if (failed > 0 && status === 409) return { outcome: 'applied' }
    if (failed === 0 && (status === 409 || status === 412 || status === 404)) return { outcome: 'conflict' }
    throw new TidemarkError(status === 429 ? 'unavailable' : 'internal', `the store refused ${key} with ${status}`)
  }

  async readMarks(key: string, marks: readonly string[]): Promise<ReadonlySet<string>> {
    const pk = this.#documentPartition(key)
    const found = await Promise.all(marks.map((mark) => readItem(this.#container, { id: markId(mark), pk })))
    return new Set(marks.filter((_, index) => found[index] !== undefined))
  }

  readPosition(stream: string): Promise<ConsumerPosition | undefined> {
    return this.#positions.readPosition(stream)
  }

  writePosition(stream: string, tip: StreamHead, etag: string | undefined): Promise<WriteResult> {
    return this.#positions.writePosition(stream, tip, etag)
  }

  async list({ filter, limit, after }: ViewList): Promise<readonly { document: unknown; sort: string }[]> {
    const fields = Object.entries(filter)
    const conditions = [
      'c.kind = @kind',
      'c.generation = @generation',
      'IS_DEFINED(c.document)',
      ...fields.map(([field], index) => `c.document[${JSON.stringify(field)}] = @value${index}`),
      ...(after === undefined ? [] : ['c.sort < @after']),
    ]
    const parameters = [
      { name: '@kind', value: DOCUMENT },
      { name: '@generation', value: this.#generation },
      ...fields.map(([, value], index) => ({ name: `@value${index}`, value })),
      ...(after === undefined ? [] : [{ name: '@after', value: after }]),
    ]
    // All that the list holds equal is named here too: only then does the store read by the composite index of topology.ts.
    // https://learn.microsoft.com/azure/cosmos-db/index-policy#queries-with-a-filter-and-order-by
    const order = [
      'c.kind',
      'c.generation',
      ...fields.map(([field]) => `c.document[${JSON.stringify(field)}]`),
      'c.sort',
    ]
    const query = `SELECT c.document, c.sort FROM c WHERE ${conditions.join(' AND ')} ORDER BY ${order
      .map((path) => `${path} DESC`)
      .join(', ')} OFFSET 0 LIMIT ${limit}`
    return itemsOf<{ document: unknown; sort: string }>(this.#container, { query, parameters })
  }

  #documentPartition(key: string): string {
    return `${this.#generation}|document|${key}`
  }

  #documentItem(key: string, { document, sort }: ViewWrite): ItemKey & JSONObject {
    return {
      id: DOCUMENT,
      pk: this.#documentPartition(key),
      kind: DOCUMENT,
      generation: this.#generation,
      key,
      sort,
      ...(document === undefined ? {} : { document: document as JSONObject }),
    }
  }
}

/** The id of an event's mark on a document; the prefix keeps it apart from the document's. */
function markId(mark: string): string {
  return `~${mark}`
}
