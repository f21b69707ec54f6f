import { badRequest, Failure } from '../failure.ts'
import { type Answer, listOf, notAllowed } from '../http/answers.ts'
import { flag, isQuery, type Request } from '../http/requests.ts'
import { isObject } from '../json.ts'
import { queryPlan } from '../query/plan.ts'
import { runQuery } from '../query/queries.ts'
import type { Catalog, Container } from '../resources/catalog.ts'
import type { Store } from '../store/store.ts'
import { BatchFailure, readBatch, runBatch } from './batch.ts'
import { readFeed } from './change-feed.ts'
import type { Items, Place, Written } from './items.ts'
import { keyOfHeader } from './partition-key.ts'

const DEFAULT_PAGE = 100
const MAX_PAGE = 1000

export interface Account {
  readonly store: Store
  readonly catalog: Catalog
  readonly items: Items
}

/** `…/docs/{id}` */
export async function oneItem(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const { method, headers, body } = request
  const [id, pk] = [request.item ?? '', requiredKey(container, request)]
  if (method === 'GET') {
    const item = items.read({ container, pk }, id)
    const known = headers['if-none-match']
    if (known === '*' || known === item.etag) return { status: 304, headers: { etag: item.etag } }
    return show({ status: 200, item }, request)
  }
  const conditions = conditionsOf(request)
  const change = (task: (place: Place, lsn: number) => Written): Promise<Answer> =>
    write(account, container, pk, task).then((written) => show(written, request))
  if (method === 'PUT') return change((place, lsn) => items.replace(place, id, body, conditions, lsn))
  if (method === 'PATCH') return change((place, lsn) => items.patch(place, id, body, conditions, lsn))
  if (method === 'DELETE') return change((place) => items.remove(place, id, conditions))
  return notAllowed(request)
}

/** `…/docs`: which request it is stands in its headers. */
export async function allItems(account: Account, container: Container, request: Request): Promise<Answer> {
  const { store } = account
  const { method, headers, body } = request
  if (method === 'GET' && headers['a-im']) return feed(store, container, request)
  if (method === 'GET') return query(store, container, request, { query: 'SELECT * FROM c' })
  if (method !== 'POST') return notAllowed(request)
  if (flag(request, 'x-ms-cosmos-is-query-plan-request')) return { status: 200, body: plan(container, request) }
  if (isQuery(request)) return query(store, container, request, body)
  if (flag(request, 'x-ms-cosmos-is-batch-request')) return batch(account, container, request)
  return create(account, container, request)
}

async function create(account: Account, container: Container, request: Request): Promise<Answer> {
  const { items } = account
  const { body } = request
  const upsert = flag(request, 'x-ms-documentdb-is-upsert')
  // A create that must not find one is what every create is.
  const conditions = upsert ? conditionsOf(request) : {}
  const written = await write(account, container, requiredKey(container, request), (place, lsn) =>
    upsert ? items.upsert(place, body, conditions, lsn) : items.create(place, body, lsn),
  )
  return show(written, request)
}

async function batch(account: Account, container: Container, request: Request): Promise<Answer> {
  if (!flag(request, 'x-ms-cosmos-batch-atomic'))
    throw badRequest('bulk requests that are not atomic are not supported by this endpoint')
  const pk = requiredKey(container, request)
  const operations = readBatch(request.body, request.bytes, pk)
  const headers = { 'x-ms-item-count': operations.length }
  try {
    const text = await write(account, container, pk, (place, lsn) => runBatch(account.items, place, operations, lsn))
    return { status: 200, headers, text }
  } catch (error) {
    if (error instanceof BatchFailure) return { status: 207, headers, text: error.results }
    throw error
  }
}

/** Writes into a container as it is when the turn comes: it may be deleted by then. */
function write<Result>(
  { store, catalog }: Account,
  container: Container,
  pk: string,
  task: (place: Place, lsn: number) => Result,
): Promise<Result> {
  return store.write((lsn) => task({ container: catalog.current(container), pk }, lsn))
}

function show({ status, item }: Written, { headers }: Request): Answer {
  if (!item) return { status }
  const minimal = headers.prefer?.toLowerCase() === 'return=minimal'
  return { status, headers: { etag: item.etag }, ...(minimal ? {} : { text: item.json }) }
}

function plan(container: Container, { body }: Request): object {
  const { text, parameters } = questionOf(body)
  return queryPlan(container, text, [{ min: '', max: 'FF' }], new Map(parameters.map(readParameter)))
}

function questionOf(body: unknown): { readonly text: string; readonly parameters: readonly unknown[] } {
  const { query: text, parameters = [] } = typeof body === 'string' ? { query: body } : isObject(body) ? body : {}
  if (typeof text !== 'string' || !Array.isArray(parameters)) throw badRequest('a query is {query, parameters}')
  return { text, parameters }
}

async function query(store: Store, container: Container, request: Request, body: unknown): Promise<Answer> {
  checkRange(request)
  const { text, parameters } = questionOf(body)
  const key = keyOfHeader(container, request.headers['x-ms-documentdb-partitionkey'])
  const page = await runQuery(
    store,
    { container, key },
    {
      text,
      parameters: new Map(parameters.map(readParameter)),
      maxItems: pageSize(request),
      continuation: request.headers['x-ms-continuation'] || undefined,
    },
  )
  const headers = page.continuation ? { 'x-ms-continuation': page.continuation } : {}
  return listOf('Documents', page.results, container.rid, headers)
}

function readParameter(parameter: unknown): [name: string, value: unknown] {
  if (!isObject(parameter) || typeof parameter.name !== 'string' || !('value' in parameter))
    throw badRequest('a parameter of a query is {name, value}')
  return [parameter.name, parameter.value]
}

function feed(store: Store, container: Container, request: Request): Answer {
  const { headers } = request
  if (headers['a-im']?.toLowerCase() !== 'incremental feed')
    throw badRequest('the change feed has the mode "latest version" alone in this endpoint')
  checkRange(request)
  const key = keyOfHeader(container, headers['x-ms-documentdb-partitionkey'])
  const start = { ifNoneMatch: headers['if-none-match'], ifModifiedSince: headers['if-modified-since'] }
  const { items, etag } = readFeed(store, { container, key }, start, pageSize(request))
  // Without the count on a 304 too, .NET fails.
  if (items.length === 0) return { status: 304, headers: { etag, 'x-ms-item-count': 0 } }
  return listOf('Documents', items, container.rid, { etag })
}

function requiredKey(container: Container, { headers }: Request): string {
  const key = keyOfHeader(container, headers['x-ms-documentdb-partitionkey'])
  if (key.kind !== 'one') throw badRequest('the request names no partition key')
  return key.pk
}

function conditionsOf({ headers }: Request): { readonly ifMatch: string | undefined } {
  if (headers['if-none-match'] !== undefined)
    throw badRequest('If-None-Match on a change of an item is not supported by this endpoint')
  return { ifMatch: headers['if-match'] }
}

/** -1 leaves it to the endpoint. */
function pageSize({ headers }: Request): number {
  const text = headers['x-ms-max-item-count'] ?? '-1'
  if (!/^(-1|[1-9]\d{0,9})$/.test(text)) throw badRequest('x-ms-max-item-count is -1 or a number of items')
  return text === '-1' ? DEFAULT_PAGE : Math.min(Number(text), MAX_PAGE)
}

/** There is one physical partition; a part of it would be answered with the whole, so it is refused. */
function checkRange({ headers }: Request): void {
  const id = headers['x-ms-documentdb-partitionkeyrangeid']
  if (id !== undefined && id.split(',').at(-1) !== '0')
    throw new Failure(410, 'Gone', `there is no partition key range ${id}`, 1002)
  const { 'x-ms-start-epk': start = '', 'x-ms-end-epk': end = 'FF' } = headers
  if (start !== '' || end !== 'FF')
    throw badRequest('parts of a partition key range are not supported by this endpoint')
}
