import { runBatch } from './batch.ts'
import type { Catalog, Container, Database } from './catalog.ts'
import { readFeed } from './change-feed.ts'
import { badRequest, Failure, notFound } from './failure.ts'
import { type Item, type Items, type Json, keyOfHeader, type Written } from './items.ts'
import { runQuery } from './queries.ts'
import { flag, type Request } from './requests.ts'
import type { Store } from './store.ts'

const DEFAULT_PAGE = 100
const MAX_PAGE = 1000

/** An answer on its way: a body that is JSON already is a text. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly body?: unknown
  readonly text?: string
}

export interface Account {
  readonly store: Store
  readonly catalog: Catalog
  readonly items: Items
}

// One range for all keys: this endpoint has one physical partition.
const PARTITION_KEY_RANGE = {
  id: '0',
  minInclusive: '',
  maxExclusive: 'FF',
  ridPrefix: 0,
  throughputFraction: 1,
  status: 'online',
  parents: [],
}

/** The query is evaluated here whole, so the plan asks the client for nothing. */
const QUERY_PLAN = {
  partitionedQueryExecutionInfoVersion: 2,
  queryInfo: {
    distinctType: 'None',
    top: null,
    offset: null,
    limit: null,
    orderBy: [],
    orderByExpressions: [],
    groupByExpressions: [],
    groupByAliases: [],
    aggregates: [],
    groupByAliasToAggregateType: {},
    rewrittenQuery: '',
    hasSelectValue: false,
    hasNonStreamingOrderBy: false,
  },
  queryRanges: [{ min: '', max: 'FF', isMinInclusive: true, isMaxInclusive: false }],
}

/** The map of the API: which request does what. https://learn.microsoft.com/rest/api/cosmos-db/ */
export async function answer(account: Account, request: Request): Promise<Answer> {
  const { catalog } = account
  const { method, type, one } = request
  if (type === '') return method === 'GET' ? { status: 200, body: accountDocument(request.host) } : notAllowed(request)
  if (type === 'offers') return list('Offers', [], '')
  if (type === 'dbs') return databases(catalog, request)
  const database = catalog.database(request.database ?? '')
  if (type === 'colls') return containers(catalog, database, request)
  const container = catalog.container(database, request.container ?? '')
  if (type === 'pkranges' && method === 'GET' && !one) return ranges(container, request)
  if (type === 'docs') return one ? oneItem(account, container, request) : allItems(account, container, request)
  throw notFound(`the route ${type}`)
}

function notAllowed({ method }: Request): never {
  throw new Failure(405, 'MethodNotAllowed', `there is no ${method} here`)
}

function accountDocument(host: string): Json {
  const location = [{ name: 'Local', databaseAccountEndpoint: `http://${host}/` }]
  return {
    // Not "localhost": the JS SDK would read this document again before nearly every request.
    id: 'tidemark',
    _rid: 'tidemark.local',
    _self: '',
    media: '//media/',
    addresses: '//addresses/',
    _dbs: '//dbs/',
    writableLocations: location,
    readableLocations: location,
    enableMultipleWriteLocations: false,
    userReplicationPolicy: { asyncReplication: false, minReplicaSetSize: 1, maxReplicasetSize: 1 },
    userConsistencyPolicy: { defaultConsistencyLevel: 'Session' },
    systemReplicationPolicy: { minReplicaSetSize: 1, maxReplicasetSize: 1 },
    readPolicy: { primaryReadCoefficient: 1, secondaryReadCoefficient: 1 },
    // .NET clients abort on an empty one.
    queryEngineConfiguration: JSON.stringify({
      maxSqlQueryInputLength: 262_144,
      maxJoinsPerSqlQuery: 5,
      maxLogicalAndPerSqlQuery: 500,
      maxLogicalOrPerSqlQuery: 500,
      maxUdfRefPerSqlQuery: 10,
      maxInExpressionItemsCount: 16_000,
      queryMaxInMemorySortDocumentCount: 500,
      maxQueryRequestTimeoutFraction: 0.9,
      sqlAllowNonFiniteNumbers: false,
      sqlAllowAggregateFunctions: true,
      sqlAllowSubQuery: false,
      sqlAllowScalarSubQuery: false,
      allowNewKeywords: true,
      sqlAllowLike: false,
      sqlAllowGroupByClause: false,
      maxSpatialQueryCells: 12,
      spatialMaxGeometryPointCount: 256,
      sqlDisableOptimizationFlags: 0,
      sqlEnableParameterExpansionCheck: true,
    }),
  }
}

function list(name: string, resources: readonly unknown[], rid: string): Answer {
  return {
    status: 200,
    headers: { 'x-ms-item-count': resources.length },
    body: { _rid: rid, [name]: resources, _count: resources.length },
  }
}

async function databases(catalog: Catalog, request: Request): Promise<Answer> {
  const { method, one, database } = request
  if (!one) {
    if (method === 'GET') return list('Databases', catalog.databases().map(showDatabase), '')
    if (method === 'POST' && isQuery(request))
      throw badRequest('queries of databases are not supported by this endpoint')
    if (method === 'POST')
      return { status: 201, body: showDatabase(await catalog.createDatabase((request.body ?? {}) as Json)) }
    return notAllowed(request)
  }
  const found = catalog.database(database ?? '')
  if (method === 'GET') return { status: 200, body: showDatabase(found), headers: { etag: found.etag } }
  if (method !== 'DELETE') return notAllowed(request)
  await catalog.deleteDatabase(found)
  return { status: 204 }
}

function showDatabase({ id, rid, ts, etag }: Database): Json {
  return { id, _rid: rid, _self: `dbs/${rid}/`, _etag: etag, _colls: 'colls/', _users: 'users/', _ts: ts }
}

async function containers(catalog: Catalog, database: Database, request: Request): Promise<Answer> {
  const { method, one, container } = request
  const body = (request.body ?? {}) as Json
  if (!one) {
    if (method === 'GET')
      return list('DocumentCollections', catalog.containers(database).map(showContainer), database.rid)
    if (method === 'POST' && isQuery(request))
      throw badRequest('queries of containers are not supported by this endpoint')
    if (method === 'POST') return { status: 201, body: showContainer(await catalog.createContainer(database, body)) }
    return notAllowed(request)
  }
  const found = catalog.container(database, container ?? '')
  if (method === 'GET') return { status: 200, body: showContainer(found), headers: { etag: found.etag } }
  if (method === 'PUT') return { status: 200, body: showContainer(await catalog.replaceContainer(found, body)) }
  if (method !== 'DELETE') return notAllowed(request)
  await catalog.deleteContainer(found)
  return { status: 204 }
}

function showContainer({ id, rid, database, settings, ts, etag }: Container): Json {
  return {
    id,
    ...settings,
    _rid: rid,
    _self: `dbs/${database.rid}/colls/${rid}/`,
    _etag: etag,
    _docs: 'docs/',
    _sprocs: 'sprocs/',
    _triggers: 'triggers/',
    _udfs: 'udfs/',
    _conflicts: 'conflicts/',
    _ts: ts,
  }
}

function ranges(container: Container, { headers }: Request): Answer {
  // .NET asks until it is told that nothing changed.
  if (headers['if-none-match'] === container.etag) return { status: 304, headers: { etag: container.etag } }
  const answered = list(
    'PartitionKeyRanges',
    [{ ...PARTITION_KEY_RANGE, _rid: container.rid, _etag: container.etag, _ts: container.ts }],
    container.rid,
  )
  return { ...answered, headers: { ...answered.headers, etag: container.etag } }
}

async function oneItem({ store, items }: Account, container: Container, request: Request): Promise<Answer> {
  const { method, headers, body } = request
  const id = request.item ?? ''
  const pk = keyOfHeader(headers['x-ms-documentdb-partitionkey']) ?? '{}'
  const conditions = { ifMatch: headers['if-match'] }
  switch (method) {
    case 'GET': {
      const item = items.read(container, pk, id)
      if (headers['if-none-match'] === item.etag) return { status: 304, headers: { etag: item.etag } }
      return show({ status: 200, item }, request)
    }
    case 'PUT':
      return show(await store.write(() => items.replace(container, pk, id, body, conditions, store.nextLsn())), request)
    case 'PATCH':
      return show(await store.write(() => items.patch(container, pk, id, body, conditions, store.nextLsn())), request)
    case 'DELETE':
      return show(await store.write(() => items.remove(container, pk, id, conditions)), request)
    default:
      return notAllowed(request)
  }
}

async function allItems(account: Account, container: Container, request: Request): Promise<Answer> {
  const { store, items } = account
  const { method, headers, body } = request
  const pk = keyOfHeader(headers['x-ms-documentdb-partitionkey'])
  if (method === 'GET')
    return headers['a-im']
      ? feed(store, container, pk, request)
      : query(store, container, pk, request, { query: 'SELECT * FROM c' })
  if (method !== 'POST') return notAllowed(request)
  if (flag(request, 'x-ms-cosmos-is-query-plan-request')) return { status: 200, body: QUERY_PLAN }
  if (isQuery(request)) return query(store, container, pk, request, body)
  if (flag(request, 'x-ms-cosmos-is-batch-request')) {
    if (!flag(request, 'x-ms-cosmos-batch-atomic'))
      throw badRequest('bulk requests that are not atomic are not supported by this endpoint')
    const { status, results } = await runBatch(store, items, container, pk, body, request.bytes)
    return { status, body: results, headers: { 'x-ms-item-count': results.length } }
  }
  const key = pk ?? '{}'
  const conditions = { ifMatch: headers['if-match'] }
  const upsert = flag(request, 'x-ms-documentdb-is-upsert')
  return show(
    await store.write(() =>
      upsert
        ? items.upsert(container, key, body, conditions, store.nextLsn())
        : items.create(container, key, body, store.nextLsn()),
    ),
    request,
  )
}

function show({ status, item }: Written, { headers }: Request): Answer {
  if (!item) return { status }
  const minimal = headers.prefer?.toLowerCase() === 'return=minimal'
  return { status, headers: { etag: item.etag }, ...(minimal ? {} : { text: item.json }) }
}

function isQuery(request: Request): boolean {
  return flag(request, 'x-ms-documentdb-isquery') || request.headers['content-type'] === 'application/query+json'
}

function pageSize({ headers }: Request): number {
  const size = Number(headers['x-ms-max-item-count'] ?? DEFAULT_PAGE)
  return Number.isInteger(size) && size > 0 ? Math.min(size, MAX_PAGE) : DEFAULT_PAGE
}

function query(store: Store, container: Container, pk: string | undefined, request: Request, body: unknown): Answer {
  checkRange(request)
  const { query: text, parameters = [] } = (typeof body === 'string' ? { query: body } : (body ?? {})) as {
    query?: unknown
    parameters?: unknown
  }
  if (typeof text !== 'string' || !Array.isArray(parameters)) throw badRequest('a query is {query, parameters}')
  const values = new Map(parameters.map(({ name, value }: { name: string; value: unknown }) => [name, value]))
  const page = runQuery(
    store,
    container,
    pk,
    text,
    values,
    pageSize(request),
    request.headers['x-ms-continuation'] || undefined,
  )
  const answered = list('Documents', page.results, container.rid)
  return {
    ...answered,
    headers: { ...answered.headers, ...(page.continuation ? { 'x-ms-continuation': page.continuation } : {}) },
  }
}

function feed(store: Store, container: Container, pk: string | undefined, request: Request): Answer {
  const { headers } = request
  if (headers['a-im'] !== 'Incremental Feed' && headers['a-im'] !== 'Incremental feed')
    throw badRequest('the change feed has the mode "latest version" alone in this endpoint')
  checkRange(request)
  const start = { ifNoneMatch: headers['if-none-match'], ifModifiedSince: headers['if-modified-since'] }
  const { items, etag } = readFeed(store, container, pk, start, pageSize(request))
  // Without the count on a 304 too, .NET fails.
  const common = { etag, 'x-ms-item-count': items.length }
  if (items.length === 0) return { status: 304, headers: common }
  const documents = items.map(withLsn).join(',')
  return {
    status: 200,
    headers: common,
    text: `{"_rid":${JSON.stringify(container.rid)},"Documents":[${documents}],"_count":${items.length}}`,
  }
}

/** The item's JSON with one more field, without reading it. */
function withLsn({ json, lsn }: Item): string {
  return `${json.slice(0, -1)},"_lsn":${lsn}}`
}

function checkRange({ headers }: Request): void {
  const id = headers['x-ms-documentdb-partitionkeyrangeid']
  if (id !== undefined && id.split(',').at(-1) !== '0')
    throw new Failure(410, 'Gone', `there is no partition key range ${id}`, 1002)
}
