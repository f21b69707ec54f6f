import type { Container, JSONObject, OperationInput, OperationResponse } from '@azure/cosmos'
import {
  type HistoryRange,
  hashKey,
  isCommit,
  type KeyOutcome,
  type LogEntry,
  parseCommit,
  parseCommits,
  parseOutcome,
  type RecordedCommit,
  sliceEvents,
  toLogItem,
} from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import { eventId, type RecordedEvent } from '../core/event.ts'
import type { LogHead } from '../core/hash-chain.ts'
import type { AppendResult, EventHistory, EventStore, LogLimits } from '../core/ports.ts'
import { listTraceparents, NO_TELEMETRY, type Span, type Telemetry } from '../core/telemetry.ts'
import { bounded, queryItems, queryPages } from './bounded.ts'
import { writeError } from './client.ts'
import { readItem } from './items.ts'
import { APPEND } from './limits.ts'

const PAGE = 500
const POINT_READS = 3
const FAILED_DEPENDENCY = 424
const MAX_VERSION = Number.MAX_SAFE_INTEGER

/**
 * The event log in a Cosmos DB container with the partition key `/stream` and a unique key over `/key`. Each
 * commit is one item, whose id is the zero-padded version of its first event. Each command receipt is one
 * item. Queries use only `/to`, `/key` and the id.
 */
export class CosmosEventStore implements EventStore, EventHistory {
  readonly #container: Container
  readonly #telemetry: Telemetry
  readonly limits: LogLimits

  /** @param eventBytes the largest event that can be published. Default: any event that fits into an append. */
  constructor(container: Container, telemetry = NO_TELEMETRY, eventBytes = Number.POSITIVE_INFINITY) {
    this.#container = container
    this.#telemetry = telemetry
    this.limits = { ...APPEND, eventBytes }
  }

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]> {
    let end = after
    // A caller that has a part of the stream usually has all of it or lacks one commit. Point reads find that
    // out at a fraction of a query's cost.
    for (let reads = 0; after > 0 && reads < POINT_READS; reads += 1) {
      const item = await readItem(this.#container, { id: eventId(end + 1), pk: stream })
      const commit = item && parseCommit(item)
      if (commit === undefined) return
      yield [commit]
      end = commit.to
    }
    const query = {
      query: 'SELECT * FROM c WHERE c["to"] > @after ORDER BY c["to"]',
      parameters: [{ name: '@after', value: end }],
    }
    for await (const page of queryPages(this.#container, query, { partitionKey: stream, maxItemCount: PAGE }))
      yield parseCommits(page)
  }

  async readRange(stream: string, { direction, after, limit }: HistoryRange): Promise<readonly RecordedEvent[]> {
    const forward = direction === 'forward'
    const last = after ?? (forward ? 0 : MAX_VERSION)
    // Backward by the id, which is always indexed. The ids of receipts sort after all versions.
    const [where, order, value] = forward
      ? ['c["to"] > @after', 'c["to"]', last]
      : ['c.id < @after', 'c.id DESC', eventId(last)]
    const query = {
      // Each of these commits has at least one of the requested events.
      query: `SELECT * FROM c WHERE ${where} ORDER BY ${order} OFFSET 0 LIMIT ${limit}`,
      parameters: [{ name: '@after', value }],
    }
    const commits = parseCommits(await queryItems(this.#container, query, { partitionKey: stream }))
    return sliceEvents(commits, { direction, after: last, limit })
  }

  async findOutcome(stream: string, key: string): Promise<KeyOutcome | undefined> {
    const query = {
      query: 'SELECT * FROM c WHERE c.key = @key',
      parameters: [{ name: '@key', value: hashKey(key) }],
    }
    const [item] = await queryItems(this.#container, query, { partitionKey: stream })
    return item === undefined ? undefined : parseOutcome(item)
  }

  /** https://learn.microsoft.com/azure/cosmos-db/transactional-batch */
  append(after: LogHead, entries: readonly LogEntry[]): Promise<AppendResult> {
    const telemetry = this.#telemetry
    // When several commands are appended together, the first traced one is the span's parent; the others are
    // linked.
    const events = telemetry.isOn ? entries.flatMap((entry) => (isCommit(entry) ? entry.events.slice(0, 1) : [])) : []
    const [parent, ...links] = listTraceparents(events)
    // https://opentelemetry.io/docs/specs/semconv/database/cosmosdb/
    const attributes = {
      'db.system.name': 'azure.cosmosdb',
      'db.operation.name': 'execute_batch',
      'db.namespace': this.#container.database.id,
      'db.collection.name': this.#container.id,
      'db.operation.batch.size': entries.length,
      'tidemark.stream': entries[0]?.stream ?? '',
    }
    const name = `execute_batch ${this.#container.id}`
    return telemetry.span(name, { kind: 'client', parent, links, attributes }, async (span) => {
      const result = await this.#append(after, entries, span)
      span.set({ 'tidemark.outcome': result.outcome })
      return result
    })
  }

  async #append(after: LogHead, entries: readonly LogEntry[], span: Span): Promise<AppendResult> {
    const [first] = entries
    if (first === undefined) throw new TidemarkError('internal', 'an append has at least one entry')
    const operations: OperationInput[] = entries.map((entry) => ({
      operationType: 'Create',
      resourceBody: toLogItem(entry) as unknown as JSONObject,
    }))
    // Creating version 8 proves that no other 8 exists. Reading the commit that ends with 7 proves that 7
    // exists, and returns its hash.
    const reads = after.version > 0 && entries.some(isCommit)
    if (reads) operations.unshift({ operationType: 'Read', id: eventId(after.commit) })

    const response = await this.#container.items.batch(operations, first.stream, bounded()).catch((error: unknown) => {
      throw writeError(error, this.#container)
    })
    span.set({ 'azure.cosmosdb.operation.request_charge': Number(response.headers['x-ms-request-charge'] ?? 0) })
    const results = response.result ?? []
    const failed = results.findIndex((result) => result.statusCode >= 400 && result.statusCode !== FAILED_DEPENDENCY)
    const failure = results[failed]
    if (failure) return refusedAppend(failure, failed - (reads ? 1 : 0))
    if (results.length !== operations.length)
      throw new TidemarkError(
        'outcome-unknown',
        `the store answered only ${results.length} of ${operations.length} operations`,
      )
    if (reads) checkFollowed(first.stream, after, results[0])
    return { outcome: 'appended' }
  }
}

function refusedAppend({ statusCode }: OperationResponse, index: number): AppendResult {
  switch (statusCode) {
    case 409:
      return { outcome: 'conflict', index }
    case 404:
      return { outcome: 'missing' }
    case 413:
      throw new TidemarkError('decision-too-large', 'the append exceeds the batch limit of the store')
    case 429:
      throw new TidemarkError('unavailable', 'the store is throttled')
    case 408:
    case 449:
      throw new TidemarkError('outcome-unknown', 'the store did not say whether it wrote')
    default:
      throw new TidemarkError('internal', `the store refused the append with ${statusCode}`)
  }
}

/** A condition on a read does not stop a batch, so the result of the read is compared afterwards. */
function checkFollowed(stream: string, after: LogHead, read: OperationResponse | undefined): void {
  const { to, hash } = (read?.resourceBody ?? {}) as { readonly to?: unknown; readonly hash?: unknown }
  if (to === after.version && hash === after.hash) return
  throw new TidemarkError(
    'chain-broken',
    `${stream} was appended to after version ${String(to)} of its log, but the folded version is ${after.version}: ` +
      'the log was restored or changed while this instance ran. The stream takes no more commands: see npm run verify',
  )
}
