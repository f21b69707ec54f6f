import { feedCharge, MIN_CHARGE, queryCharge } from '../api/charges.ts'
import { badRequest, Failure } from '../api/failure.ts'
import type { OperationName } from '../api/operations.ts'
import type { LaggingReplica, ReadView } from '../faults/lagging-replica.ts'
import { type Answer, formatList } from '../http/answers.ts'
import { hasFlag, type Request } from '../http/requests.ts'
import { checkSession, formatSessionToken } from '../http/session.ts'
import { BatchFailure, runBatch } from '../items/batch.ts'
import { formatResults, readOperations } from '../items/batch-bodies.ts'
import { type BatchResult, checkSize, unsupportedNoneMatch } from '../items/batch-operations.ts'
import { runBulk } from '../items/bulk.ts'
import { readFeed } from '../items/change-feed.ts'
import type { ItemReader, Outcome } from '../items/item-reader.ts'
import type { Items } from '../items/items.ts'
import { buildQueryPlan } from '../query/plan.ts'
import { runQuery } from '../query/queries.ts'
import { readQuerySpec, readResumableQuery } from '../query/query-spec.ts'
import type { Catalog, Container } from '../resources/catalog.ts'
import type { FeedRange, KeyScope, LogicalPartition } from '../resources/feed-range.ts'
import { parseKeyHeader } from '../resources/partition-key.ts'
import { type EpkRange, FULL_RANGE, findNamedRange, findRange, type Range } from '../resources/ranges.ts'
import { parseDocumentNumber } from '../resources/rid.ts'
import type { Store } from '../store/store.ts'

const DEFAULT_PAGE = 100
const MAX_PAGE = 1000

export interface Account {
  readonly store: Store
  readonly catalog: Catalog
  readonly items: Items
  /** An injected fault: it answers the reads that may see old data. */
  replica?: LaggingReplica | undefined
}

export function readItem(account: Account, container: Container, request: Request): Answer {
  checkSession(request, account.store.lsn)
  const partition = { container, pk: requireKey(container, request) }
  const range = findPartitionRange(account.items, partition)
  const { reads, items } = selectView(account, 'read-item', container, request, () => [range])
  try {
    const outcome = items.read(partition, resolveId(items, partition, request), request.headers['if-none-match'])
    return { ...toItemAnswer(outcome, false, range), lsn: reads.lsn }
  } catch (error) {
    if (error instanceof Failure) error.lsn = reads.lsn
    throw error
  }
}

export function createItem(account: Account, container: Container, request: Request): Promise<Answer> {
  // A create needs no If-None-Match, as it always fails for an existing item.
  return writeItem(account, container, request, (partition, lsn) => account.items.create(partition, request.body, lsn))
}

export function upsertItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const conditions = readConditions(request)
  return writeItem(account, container, request, (partition, lsn) =>
    account.items.upsert(partition, request.body, conditions, lsn),
  )
}

export function replaceItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const conditions = readConditions(request)
  return writeItem(account, container, request, (partition, lsn) =>
    items.replace(partition, resolveId(items, partition, request), request.body, conditions, lsn),
  )
}

export function patchItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const conditions = readConditions(request)
  return writeItem(account, container, request, (partition, lsn) =>
    items.patch(partition, resolveId(items, partition, request), request.body, conditions, lsn),
  )
}

export function deleteItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const conditions = readConditions(request)
  return writeItem(account, container, request, (partition) =>
    items.remove(partition, resolveId(items, partition, request), conditions),
  )
}

export function listItems(account: Account, container: Container, request: Request): Promise<Answer> {
  return answerQuery(account, container, request, 'list-items', { query: 'SELECT * FROM c' })
}

export function queryItems(account: Account, container: Container, request: Request): Promise<Answer> {
  return answerQuery(account, container, request, 'query-items', request.body)
}

export function planQuery(_: Account, container: Container, { body }: Request): Answer {
  const { text, parameters } = readQuerySpec(body)
  return { status: 200, body: buildQueryPlan(container, text, container.ranges, parameters), charge: MIN_CHARGE }
}

export async function batch(
  { store, catalog, items }: Account,
  container: Container,
  request: Request,
): Promise<Answer> {
  const pk = requireKey(container, request)
  const operations = readOperations(request.body, isMinimal(request))
  checkSize(operations, request.bytes)
  if (operations.some(({ type }) => type === 'Read')) checkSession(request, store.lsn)
  try {
    const results = await store.write((lsn) =>
      runBatch(items, { container: catalog.current(container), pk }, operations, lsn),
    )
    return toBatchAnswer(results, request, findPartitionRange(items, { container, pk }))
  } catch (error) {
    if (error instanceof BatchFailure)
      return toBatchAnswer(error.results, request, findPartitionRange(items, { container, pk }))
    throw error
  }
}

export async function bulk(
  { store, catalog, items }: Account,
  container: Container,
  request: Request,
): Promise<Answer> {
  const { 'x-ms-documentdb-partitionkeyrangeid': named, 'x-ms-documentdb-partitionkey': key } = request.headers
  const range = named === undefined ? undefined : findNamedRange(container.ranges, named)
  const operations = readOperations(request.body, isMinimal(request))
  checkSize(operations, request.bytes)
  if (operations.some(({ type }) => type === 'Read')) checkSession(request, store.lsn)
  const partition = {
    container: () => catalog.current(container),
    range,
    pk: key === undefined ? undefined : requireKey(container, request),
  }
  const continueOnError = hasFlag(request, 'x-ms-cosmos-batch-continue-on-error')
  const results = await runBulk(store, items, partition, operations, continueOnError)
  return toBatchAnswer(results, request, readNamedRange(container, request))
}

export function readChanges({ store }: Account, container: Container, request: Request): Answer {
  const { headers } = request
  if (headers['a-im']?.toLowerCase() !== 'incremental feed')
    throw badRequest('the emulator supports the change feed only in the mode "latest version"')
  checkSession(request, store.lsn)
  const feedRange = readFeedRange(container, request)
  const start = { ifNoneMatch: headers['if-none-match'], ifModifiedSince: headers['if-modified-since'] }
  const { items, etag } = readFeed(store, feedRange, start, readPageSize(request))
  const session = formatSessionToken(readNamedRange(container, request).id, store.lsn)
  // The .NET SDK fails on a 304 without the count.
  if (items.length === 0)
    return { status: 304, headers: { etag, 'x-ms-item-count': 0, 'x-ms-session-token': session }, charge: MIN_CHARGE }
  return formatList('Documents', items, container.rid, feedCharge(items), { etag, 'x-ms-session-token': session })
}

/** Writes into the container as it is when the write runs. It may be deleted by then. */
async function writeItem(
  { store, catalog, items }: Account,
  container: Container,
  request: Request,
  task: (partition: LogicalPartition, lsn: number) => Outcome,
): Promise<Answer> {
  const pk = requireKey(container, request)
  const outcome = await store.write((lsn) => task({ container: catalog.current(container), pk }, lsn))
  return toItemAnswer(outcome, isMinimal(request), findPartitionRange(items, { container, pk }))
}

/**
 * Chooses the data that answers a read of items. The change feed always reads the latest: a lagging replica
 * would delay it, not falsify it. The primary runs a batch, with its reads (from memory).
 */
function selectView(
  { store, items, replica }: Account,
  operation: OperationName,
  container: Container,
  target: Request,
  ranges: () => readonly Range[],
): ReadView {
  return replica?.findView({ operation, container, target, ranges }) ?? { reads: store, items }
}

const isMinimal = ({ headers }: Request): boolean => headers.prefer?.toLowerCase() === 'return=minimal'

function toItemAnswer({ status, item, charge }: Outcome, minimal: boolean, { id: range }: Range): Answer {
  if (!item) return { status, charge, range }
  const answer = { status, charge, range, headers: { etag: item.etag } }
  return minimal || status === 304 ? answer : { ...answer, text: item.json }
}

function toBatchAnswer(results: readonly BatchResult[], { body }: Request, { id: range }: Range): Answer {
  const status = results.every((result) => result.status < 300) ? 200 : 207
  const charge = results.reduce((sum, result) => sum + result.charge, 0)
  const headers = { 'x-ms-item-count': results.length }
  return { status, headers, ...formatResults(results, body), charge, range }
}

async function answerQuery(
  account: Account,
  container: Container,
  request: Request,
  operation: OperationName,
  body: unknown,
): Promise<Answer> {
  checkSession(request, account.store.lsn)
  const feedRange = readFeedRange(container, request)
  const { reads } = selectView(account, operation, container, request, () => listRanges(account.items, feedRange))
  const page = await runQuery(reads, feedRange, {
    ...readResumableQuery(body),
    maxItems: readPageSize(request),
    continuation: request.headers['x-ms-continuation'] || undefined,
  })
  return formatList('Documents', page.results, container.rid, queryCharge(page.loadedBytes), {
    'x-ms-session-token': formatSessionToken(readNamedRange(container, request).id, reads.lsn),
    ...(page.tiesDescend === undefined ? {} : { 'x-ms-cosmos-query-execution-info': executionInfo(page.tiesDescend) }),
    ...(page.continuation ? { 'x-ms-continuation': page.continuation } : {}),
  })
}

/** How clients that resume an ordered query compare the rids of items with equal values. */
const executionInfo = (tiesDescend: boolean): string =>
  JSON.stringify({ reverseRidEnabled: false, reverseIndexScan: tiesDescend })

/**
 * What a query or a read of the feed covers: a partition key or a prefix of one, a range of the container,
 * and a part of that range.
 * @throws Failure 400; 410 for a range that is gone.
 */
function readFeedRange(container: Container, { headers }: Request): FeedRange {
  const key = parseKeyHeader(container, headers['x-ms-documentdb-partitionkey'])
  const { 'x-ms-documentdb-partitionkeyrangeid': named, 'x-ms-start-epk': start = '', 'x-ms-end-epk': end } = headers
  const range = named === undefined ? FULL_RANGE : findNamedRange(container.ranges, named)
  const epks = intersect(range, { min: checkEpk(start), max: checkEpk(end ?? FULL_RANGE.max) })
  return { container, key, epks: isFullRange(epks) ? undefined : epks }
}

function intersect(a: EpkRange, b: EpkRange): EpkRange {
  const [, min = ''] = [a.min, b.min].sort()
  const [max = ''] = [a.max, b.max].sort()
  return { min, max }
}

const isFullRange = ({ min, max }: EpkRange): boolean => min === FULL_RANGE.min && max === FULL_RANGE.max

function checkEpk(text: string): string {
  if (!/^[0-9A-Fa-f]{0,256}$/.test(text)) throw badRequest('an effective partition key must be a hexadecimal number')
  return text.toUpperCase()
}

function requireKey(container: Container, { headers }: Request): string {
  const key: KeyScope = parseKeyHeader(container, headers['x-ms-documentdb-partitionkey'])
  if (key.kind !== 'one') throw badRequest('the request needs a complete partition key')
  return key.pk
}

/**
 * The id in a path, or the id of the item with that rid. A path with its container's rid has the item's rid
 * too.
 */
function resolveId(items: ItemReader, partition: LogicalPartition, { container: named, item = '' }: Request): string {
  if (named === partition.container.id) return item
  const number = parseDocumentNumber(partition.container.rid, item)
  return (number === undefined ? undefined : items.findId(partition, number)) ?? item
}

function findPartitionRange({ effectiveKeys }: Items, { container, pk }: LogicalPartition): Range {
  const [only, ...others] = container.ranges
  if (only && others.length === 0) return only
  return findRange(container.ranges, effectiveKeys.compute(container, pk))
}

function listRanges(items: Items, { container, key, epks }: FeedRange): readonly Range[] {
  if (key.kind === 'one') return [findPartitionRange(items, { container, pk: key.pk })]
  return epks ? container.ranges.filter(({ min, max }) => min < epks.max && epks.min < max) : container.ranges
}

function readNamedRange({ ranges }: Container, { headers }: Request): Range {
  const named = headers['x-ms-documentdb-partitionkeyrangeid']
  return (named === undefined ? ranges[0] : findNamedRange(ranges, named)) ?? FULL_RANGE
}

function readConditions({ headers }: Request): { readonly ifMatch: string | undefined } {
  if (headers['if-none-match'] !== undefined) throw unsupportedNoneMatch()
  return { ifMatch: headers['if-match'] }
}

/** -1 leaves the size to the emulator. */
function readPageSize({ headers }: Request): number {
  const text = headers['x-ms-max-item-count'] ?? '-1'
  if (!/^(-1|[1-9]\d{0,9})$/.test(text)) throw badRequest('x-ms-max-item-count must be -1 or a number of items')
  return text === '-1' ? DEFAULT_PAGE : Math.min(Number(text), MAX_PAGE)
}
