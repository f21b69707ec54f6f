import { feedCharge, LEAST, queryCharge } from '../api/charges.ts'
import { badRequest, Failure } from '../api/failure.ts'
import type { OperationName } from '../api/operations.ts'
import type { LaggingReplica, View } from '../faults/lagging-replica.ts'
import { type Answer, listOf } from '../http/answers.ts'
import { flag, type Request } from '../http/requests.ts'
import { checkSession, sessionToken } from '../http/session.ts'
import { BatchFailure, runBatch } from '../items/batch.ts'
import { readOperations, showResults } from '../items/batch-bodies.ts'
import { type BatchResult, checkSize, noneMatchOfChange } from '../items/batch-operations.ts'
import { runBulk } from '../items/bulk.ts'
import { readFeed } from '../items/change-feed.ts'
import type { ItemReader, Outcome } from '../items/item-reader.ts'
import type { Items } from '../items/items.ts'
import { queryPlan } from '../query/plan.ts'
import { runQuery } from '../query/queries.ts'
import { readQuestion, readResumable } from '../query/question.ts'
import type { Catalog, Container } from '../resources/catalog.ts'
import type { Extent, KeyScope, Place } from '../resources/extent.ts'
import { keyOfHeader } from '../resources/partition-key.ts'
import { type EpkRange, namedRange, type Range, rangeOf, WHOLE } from '../resources/ranges.ts'
import { documentNumber } from '../resources/rid.ts'
import type { Store } from '../store/store.ts'

const DEFAULT_PAGE = 100
const MAX_PAGE = 1000

export interface Account {
  readonly store: Store
  readonly catalog: Catalog
  readonly items: Items
  /** A fault on request: reads are answered by it that may be. */
  replica?: LaggingReplica | undefined
}

export function readItem(account: Account, container: Container, request: Request): Answer {
  checkSession(request, account.store.lsn)
  const place = { container, pk: requiredKey(container, request) }
  const range = rangeOfKey(account.items, place)
  const { reads, items } = viewOf(account, 'read-item', container, request, () => [range])
  try {
    const outcome = items.read(place, idOf(items, place, request), request.headers['if-none-match'])
    return { ...show(outcome, false, range), lsn: reads.lsn }
  } catch (error) {
    if (error instanceof Failure) error.lsn = reads.lsn
    throw error
  }
}

export function createItem(account: Account, container: Container, request: Request): Promise<Answer> {
  // A create that must not find one is what every create is.
  return change(account, container, request, (place, lsn) => account.items.create(place, request.body, lsn))
}

export function upsertItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const conditions = conditionsOf(request)
  return change(account, container, request, (place, lsn) => account.items.upsert(place, request.body, conditions, lsn))
}

export function replaceItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const conditions = conditionsOf(request)
  return change(account, container, request, (place, lsn) =>
    items.replace(place, idOf(items, place, request), request.body, conditions, lsn),
  )
}

export function patchItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const conditions = conditionsOf(request)
  return change(account, container, request, (place, lsn) =>
    items.patch(place, idOf(items, place, request), request.body, conditions, lsn),
  )
}

export function deleteItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const conditions = conditionsOf(request)
  return change(account, container, request, (place) => items.remove(place, idOf(items, place, request), conditions))
}

export function listItems(account: Account, container: Container, request: Request): Promise<Answer> {
  return answerQuery(account, container, request, 'list-items', { query: 'SELECT * FROM c' })
}

export function queryItems(account: Account, container: Container, request: Request): Promise<Answer> {
  return answerQuery(account, container, request, 'query-items', request.body)
}

export function planQuery(_: Account, container: Container, { body }: Request): Answer {
  const { text, parameters } = readQuestion(body)
  return { status: 200, body: queryPlan(container, text, container.ranges, parameters), charge: LEAST }
}

export async function batch(
  { store, catalog, items }: Account,
  container: Container,
  request: Request,
): Promise<Answer> {
  const pk = requiredKey(container, request)
  const operations = readOperations(request.body, isMinimal(request))
  checkSize(operations, request.bytes)
  if (operations.some(({ type }) => type === 'Read')) checkSession(request, store.lsn)
  try {
    const results = await store.write((lsn) =>
      runBatch(items, { container: catalog.current(container), pk }, operations, lsn),
    )
    return showBatch(results, request, rangeOfKey(items, { container, pk }))
  } catch (error) {
    if (error instanceof BatchFailure) return showBatch(error.results, request, rangeOfKey(items, { container, pk }))
    throw error
  }
}

export async function bulk(
  { store, catalog, items }: Account,
  container: Container,
  request: Request,
): Promise<Answer> {
  const { 'x-ms-documentdb-partitionkeyrangeid': named, 'x-ms-documentdb-partitionkey': key } = request.headers
  const range = named === undefined ? undefined : namedRange(container.ranges, named)
  const operations = readOperations(request.body, isMinimal(request))
  checkSize(operations, request.bytes)
  if (operations.some(({ type }) => type === 'Read')) checkSession(request, store.lsn)
  const place = {
    container: () => catalog.current(container),
    range,
    pk: key === undefined ? undefined : requiredKey(container, request),
  }
  const continues = flag(request, 'x-ms-cosmos-batch-continue-on-error')
  const results = await runBulk(store, items, place, operations, continues)
  return showBatch(results, request, rangeNamed(container, request))
}

export function readChanges({ store }: Account, container: Container, request: Request): Answer {
  const { headers } = request
  if (headers['a-im']?.toLowerCase() !== 'incremental feed')
    throw badRequest('the change feed has the mode "latest version" alone in this endpoint')
  checkSession(request, store.lsn)
  const extent = extentOf(container, request)
  const start = { ifNoneMatch: headers['if-none-match'], ifModifiedSince: headers['if-modified-since'] }
  const { items, etag } = readFeed(store, extent, start, pageSize(request))
  const session = sessionToken(rangeNamed(container, request).id, store.lsn)
  // Without the count on a 304 too, .NET fails.
  if (items.length === 0)
    return { status: 304, headers: { etag, 'x-ms-item-count': 0, 'x-ms-session-token': session }, charge: LEAST }
  return listOf('Documents', items, container.rid, feedCharge(items), { etag, 'x-ms-session-token': session })
}

/** Writes into a container as it is when the turn comes: it may be deleted by then. */
async function change(
  { store, catalog, items }: Account,
  container: Container,
  request: Request,
  task: (place: Place, lsn: number) => Outcome,
): Promise<Answer> {
  const pk = requiredKey(container, request)
  const outcome = await store.write((lsn) => task({ container: catalog.current(container), pk }, lsn))
  return show(outcome, isMinimal(request), rangeOfKey(items, { container, pk }))
}

/**
 * Where a read of items is answered from. The change feed is not asked here: one that lags gives nothing wrong, only later. A batch is run by the
 * primary, reads and all (from memory).
 */
function viewOf(
  { store, items, replica }: Account,
  operation: OperationName,
  container: Container,
  target: Request,
  ranges: () => readonly Range[],
): View {
  return replica?.viewFor({ operation, container, target, ranges }) ?? { reads: store, items }
}

const isMinimal = ({ headers }: Request): boolean => headers.prefer?.toLowerCase() === 'return=minimal'

function show({ status, item, charge }: Outcome, minimal: boolean, { id: range }: Range): Answer {
  if (!item) return { status, charge, range }
  const answer = { status, charge, range, headers: { etag: item.etag } }
  return minimal || status === 304 ? answer : { ...answer, text: item.json }
}

function showBatch(results: readonly BatchResult[], { body }: Request, { id: range }: Range): Answer {
  const status = results.every((result) => result.status < 300) ? 200 : 207
  const charge = results.reduce((sum, result) => sum + result.charge, 0)
  const headers = { 'x-ms-item-count': results.length }
  return { status, headers, ...showResults(results, body), charge, range }
}

async function answerQuery(
  account: Account,
  container: Container,
  request: Request,
  operation: OperationName,
  body: unknown,
): Promise<Answer> {
  checkSession(request, account.store.lsn)
  const extent = extentOf(container, request)
  const { reads } = viewOf(account, operation, container, request, () => rangesOf(account.items, extent))
  const page = await runQuery(reads, extent, {
    ...readResumable(body),
    maxItems: pageSize(request),
    continuation: request.headers['x-ms-continuation'] || undefined,
  })
  return listOf('Documents', page.results, container.rid, queryCharge(page.loadedBytes), {
    'x-ms-session-token': sessionToken(rangeNamed(container, request).id, reads.lsn),
    ...(page.tiesDescend === undefined ? {} : { 'x-ms-cosmos-query-execution-info': executionInfo(page.tiesDescend) }),
    ...(page.continuation ? { 'x-ms-continuation': page.continuation } : {}),
  })
}

/** How clients that go on with an ordered query compare the rids of items of the same values. */
const executionInfo = (tiesDescend: boolean): string =>
  JSON.stringify({ reverseRidEnabled: false, reverseIndexScan: tiesDescend })

/**
 * What a query or a read of the feed is about: a partition key or a part of one, within a range of the container, within a part of that.
 * @throws Failure 400; 410 for a range that is no more.
 */
function extentOf(container: Container, { headers }: Request): Extent {
  const key = keyOfHeader(container, headers['x-ms-documentdb-partitionkey'])
  const { 'x-ms-documentdb-partitionkeyrangeid': named, 'x-ms-start-epk': start = '', 'x-ms-end-epk': end } = headers
  const range = named === undefined ? WHOLE : namedRange(container.ranges, named)
  const epks = intersection(range, { min: checkEpk(start), max: checkEpk(end ?? WHOLE.max) })
  return { container, key, epks: isWhole(epks) ? undefined : epks }
}

function intersection(a: EpkRange, b: EpkRange): EpkRange {
  const [, min = ''] = [a.min, b.min].sort()
  const [max = ''] = [a.max, b.max].sort()
  return { min, max }
}

const isWhole = ({ min, max }: EpkRange): boolean => min === WHOLE.min && max === WHOLE.max

function checkEpk(text: string): string {
  if (!/^[0-9A-Fa-f]{0,256}$/.test(text)) throw badRequest('an effective partition key is a hexadecimal number')
  return text.toUpperCase()
}

function requiredKey(container: Container, { headers }: Request): string {
  const key: KeyScope = keyOfHeader(container, headers['x-ms-documentdb-partitionkey'])
  if (key.kind !== 'one') throw badRequest('the request names no whole partition key')
  return key.pk
}

/** The id in a path, or that of the item whose rid it is: where a container is named by its rid, so are its items. */
function idOf(items: ItemReader, place: Place, { container: named, item = '' }: Request): string {
  if (named === place.container.id) return item
  const number = documentNumber(place.container.rid, item)
  return (number === undefined ? undefined : items.idOf(place, number)) ?? item
}

function rangeOfKey({ effectiveKeys }: Items, { container, pk }: Place): Range {
  const [only, ...others] = container.ranges
  if (only && others.length === 0) return only
  return rangeOf(container.ranges, effectiveKeys.of(container, pk))
}

function rangesOf(items: Items, { container, key, epks }: Extent): readonly Range[] {
  if (key.kind === 'one') return [rangeOfKey(items, { container, pk: key.pk })]
  return epks ? container.ranges.filter(({ min, max }) => min < epks.max && epks.min < max) : container.ranges
}

function rangeNamed({ ranges }: Container, { headers }: Request): Range {
  const named = headers['x-ms-documentdb-partitionkeyrangeid']
  return (named === undefined ? ranges[0] : namedRange(ranges, named)) ?? WHOLE
}

function conditionsOf({ headers }: Request): { readonly ifMatch: string | undefined } {
  if (headers['if-none-match'] !== undefined) throw noneMatchOfChange()
  return { ifMatch: headers['if-match'] }
}

/** -1 leaves it to the endpoint. */
function pageSize({ headers }: Request): number {
  const text = headers['x-ms-max-item-count'] ?? '-1'
  if (!/^(-1|[1-9]\d{0,9})$/.test(text)) throw badRequest('x-ms-max-item-count is -1 or a number of items')
  return text === '-1' ? DEFAULT_PAGE : Math.min(Number(text), MAX_PAGE)
}
