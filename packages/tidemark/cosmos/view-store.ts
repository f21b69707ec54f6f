import type { Container, JSONObject, OperationInput, SqlParameter } from '@azure/cosmos'
import { formatPlace } from '../core/document-key.ts'
import { TidemarkError } from '../core/errors.ts'
import { type FieldValue, splitField } from '../core/list.ts'
import type {
  Cursor,
  Freshness,
  ListedDocument,
  MarkerWriteResult,
  StoredCursor,
  ViewDocument,
  ViewList,
  ViewStore,
  ViewWrite,
  WriteResult,
} from '../core/ports.ts'
import { bounded, queryItems } from './bounded.ts'
import type { BulkWriter } from './bulk-writer.ts'
import { readErrorCode, writeError } from './client.ts'
import { type ItemKey, readItem, writeItem } from './items.ts'
import { MAX_MARKERS_PER_WRITE } from './limits.ts'

const DOCUMENT = 'document'

const CURSOR = 'cursor'
const TOO_LARGE = 413

interface DocumentItem {
  readonly document?: unknown
  readonly cursor?: Cursor
}

/** The same container twice: `exact` reads with the account's default consistency, `relaxed` is cheaper. */
type ViewContainers = Readonly<Record<Freshness, Container>>

/**
 * One generation of a view in a Cosmos DB container with the partition key `/pk`, which starts with the
 * generation. A document and its applied markers share a partition, so one batch writes both.
 */
export class CosmosViewStore implements ViewStore {
  readonly #containers: ViewContainers
  readonly #container: Container
  readonly #generation: number
  readonly #markerTtlSeconds: number
  readonly #bulk: BulkWriter | undefined
  readonly maxMarkersPerWrite = MAX_MARKERS_PER_WRITE

  /** @param bulk writes documents and cursors. Absent: each with a request of its own. */
  constructor(containers: ViewContainers, generation: number, markerTtlSeconds: number, bulk?: BulkWriter) {
    this.#containers = containers
    this.#bulk = bulk
    this.#container = containers.exact
    this.#generation = generation
    this.#markerTtlSeconds = markerTtlSeconds
  }

  async read(key: string, freshness: Freshness = 'exact'): Promise<ViewDocument | undefined> {
    const where = { id: DOCUMENT, pk: this.#documentPartition(key) }
    const item = await readItem<DocumentItem>(this.#containers[freshness], where)
    if (item === undefined) return undefined
    return { document: item.document, ...(item.cursor ? { cursor: item.cursor } : {}), etag: item._etag }
  }

  async writeDocument(key: string, write: ViewWrite, cursor: Cursor): Promise<WriteResult> {
    try {
      return await this.#write({ ...this.#documentItem(key, write), cursor }, write.etag)
    } catch (error) {
      throw readErrorCode(error) === TOO_LARGE ? tooLarge(key) : error
    }
  }

  async writeWithMarkers(key: string, write: ViewWrite, markers: readonly string[]): Promise<MarkerWriteResult> {
    const pk = this.#documentPartition(key)
    const resourceBody = this.#documentItem(key, write)
    const operations: OperationInput[] = [
      write.etag === undefined
        ? { operationType: 'Create', resourceBody }
        : { operationType: 'Replace', id: DOCUMENT, resourceBody, ifMatch: write.etag },
      ...markers.map(
        (marker): OperationInput => ({
          operationType: 'Create',
          resourceBody: { id: markerId(marker), pk, kind: 'mark', ttl: this.#markerTtlSeconds },
        }),
      ),
    ]
    const { result = [] } = await this.#container.items.batch(operations, pk, bounded()).catch((error: unknown) => {
      throw readErrorCode(error) === TOO_LARGE ? tooLarge(key) : writeError(error, this.#container)
    })
    const failed = result.findIndex((item) => item.statusCode >= 400 && item.statusCode !== 424)
    const etag = result[0]?.eTag
    if (failed === -1 && etag !== undefined) return { outcome: 'written', etag }
    const status = result[failed]?.statusCode
    if (failed > 0 && status === 409) return { outcome: 'applied' }
    if (failed === 0 && (status === 409 || status === 412 || status === 404)) return { outcome: 'conflict' }
    if (status === TOO_LARGE) throw tooLarge(key)
    throw new TidemarkError(status === 429 ? 'unavailable' : 'internal', `the store refused ${key} with ${status}`)
  }

  async readMarkers(key: string, markers: readonly string[]): Promise<ReadonlySet<string>> {
    const pk = this.#documentPartition(key)
    const found = await Promise.all(markers.map((marker) => readItem(this.#container, { id: markerId(marker), pk })))
    return new Set(markers.filter((_, index) => found[index] !== undefined))
  }

  async readCursor(stream: string): Promise<StoredCursor | undefined> {
    const where = { id: CURSOR, pk: this.#cursorPartition(stream) }
    const item = await readItem<{ readonly cursor: Cursor }>(this.#container, where)
    return item && { cursor: item.cursor, etag: item._etag }
  }

  writeCursor(stream: string, cursor: Cursor, etag: string | undefined): Promise<WriteResult> {
    return this.#write({ id: CURSOR, pk: this.#cursorPartition(stream), kind: CURSOR, cursor }, etag)
  }

  async list(list: ViewList, freshness: Freshness = 'exact'): Promise<readonly ListedDocument[]> {
    return queryItems<ListedDocument>(this.#containers[freshness], buildListQuery(list, this.#generation))
  }

  #write(item: ItemKey & Readonly<Record<string, unknown>>, etag: string | undefined): Promise<WriteResult> {
    return this.#bulk ? this.#bulk.write(item, etag) : writeItem(this.#container, item, etag)
  }

  #documentPartition(key: string): string {
    return `${this.#generation}|document|${key}`
  }

  #cursorPartition(stream: string): string {
    return `${this.#generation}|cursor|${stream}`
  }

  #documentItem(key: string, { document, sort }: ViewWrite): ItemKey & JSONObject {
    return {
      id: DOCUMENT,
      pk: this.#documentPartition(key),
      kind: DOCUMENT,
      generation: this.#generation,
      key,
      // An earlier build stored only the sort key here; the next write adds the document key.
      sort: formatPlace(sort, key),
      ...(document === undefined ? {} : { document: document as JSONObject }),
    }
  }
}

/** Both ends of an order's range, so that a value of another type is outside it. */
const LEAST = { string: '', number: -Number.MAX_VALUE } as const

function buildListQuery({ filter, order, ascending = false, limit, after }: ViewList, generation: number) {
  const parameters: SqlParameter[] = []
  const bind = (value: FieldValue): string => {
    const name = `@p${parameters.length}`
    parameters.push({ name, value })
    return name
  }
  const path = (field: string): string =>
    `c.document${splitField(field)
      .map((name) => `["${name}"]`)
      .join('')}`
  const fields = Object.entries(filter)
  const conditions = [
    `c.kind = ${bind(DOCUMENT)}`,
    `c.generation = ${bind(generation)}`,
    'IS_DEFINED(c.document)',
    ...fields.map(([field, value]) => `${path(field)} = ${bind(value)}`),
  ]
  const isAfter = ascending ? '>' : '<'
  if (order) {
    const ordered = path(order.field)
    conditions.push(`${ordered} >= ${bind(order.from ?? LEAST[order.type])}`)
    if (order.to !== undefined) conditions.push(`${ordered} < ${bind(order.to)}`)
    if (after?.value !== undefined) {
      const [value, place] = [bind(after.value), bind(after.place)]
      // The first condition limits what the index reads; the second only skips documents with the same value.
      conditions.push(`${ordered} ${isAfter}= ${value}`)
      conditions.push(`(${ordered} ${isAfter} ${value} OR c.sort ${isAfter} ${place})`)
    }
  } else if (after) conditions.push(`c.sort ${isAfter} ${bind(after.place)}`)
  // The order names every field that the filter fixes: only then does the store use the composite index of
  // topology.ts.
  // https://learn.microsoft.com/azure/cosmos-db/index-policy#queries-with-a-filter-and-order-by
  const terms = [
    ...['c.kind', 'c.generation', ...fields.map(([field]) => path(field))],
    ...(order ? [path(order.field)] : []),
    'c.sort',
  ]
  const query =
    `SELECT c.key, c.document, c.cursor.version, c.sort AS place FROM c WHERE ${conditions.join(' AND ')} ` +
    `ORDER BY ${terms.map((term) => `${term} ${ascending ? 'ASC' : 'DESC'}`).join(', ')} OFFSET 0 LIMIT ${limit}`
  return { query, parameters }
}

function tooLarge(key: string): TidemarkError {
  return new TidemarkError('document-too-large', `the document ${key} is larger than the store allows`)
}

/**
 * The id of an applied marker on a document. The prefix keeps it apart from the document's id. An id has no
 * slash, and a stream no `|`.
 */
function markerId(marker: string): string {
  return `~${marker.replace('/', '|')}`
}
