import { badRequest } from '../failure.ts'
import { type Answer, listOf, notAllowed } from '../http/answers.ts'
import { isQuery, type Request } from '../http/requests.ts'
import type { Json } from '../json.ts'
import type { Catalog, Container, Database } from './catalog.ts'

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

/** `/dbs` and `/dbs/{id}` */
export async function databases(catalog: Catalog, request: Request): Promise<Answer> {
  const { method, one, body } = request
  if (one) {
    const database = catalog.database(request.database ?? '')
    if (method === 'GET') return { status: 200, body: showDatabase(database), headers: { etag: database.etag } }
    if (method !== 'DELETE') return notAllowed(request)
    await catalog.deleteDatabase(database)
    return { status: 204 }
  }
  if (method === 'GET') return list('Databases', catalog.databases().map(showDatabase), '')
  if (method !== 'POST') return notAllowed(request)
  if (isQuery(request)) throw badRequest('queries of databases are not supported by this endpoint')
  return { status: 201, body: showDatabase(await catalog.createDatabase(body)) }
}

/** `/dbs/{id}/colls` and `/dbs/{id}/colls/{id}` */
export async function containers(catalog: Catalog, database: Database, request: Request): Promise<Answer> {
  const { method, headers, one, body } = request
  if (one) {
    const container = catalog.container(database, request.container ?? '')
    if (method === 'GET') return { status: 200, body: showContainer(container), headers: { etag: container.etag } }
    if (method === 'PUT') {
      const replaced = await catalog.replaceContainer(container, body, headers['if-match'])
      return { status: 200, body: showContainer(replaced), headers: { etag: replaced.etag } }
    }
    if (method !== 'DELETE') return notAllowed(request)
    await catalog.deleteContainer(container)
    return { status: 204 }
  }
  if (method === 'GET')
    return list('DocumentCollections', catalog.containers(database).map(showContainer), database.rid)
  if (method !== 'POST') return notAllowed(request)
  if (isQuery(request)) throw badRequest('queries of containers are not supported by this endpoint')
  return { status: 201, body: showContainer(await catalog.createContainer(database, body)) }
}

/** `…/pkranges` */
export function ranges({ rid, etag, ts }: Container, request: Request): Answer {
  if (request.method !== 'GET' || request.one) return notAllowed(request)
  // .NET asks until it is told that nothing changed.
  if (request.headers['if-none-match'] === etag) return { status: 304, headers: { etag, 'x-ms-item-count': 0 } }
  return list('PartitionKeyRanges', [{ ...PARTITION_KEY_RANGE, _rid: rid, _etag: etag, _ts: ts }], rid, { etag })
}

function list(name: string, resources: readonly Json[], rid: string, headers: Answer['headers'] = {}): Answer {
  const members = resources.map((resource) => JSON.stringify(resource))
  return listOf(name, members, rid, headers)
}

function showDatabase({ id, rid, ts, etag }: Database): Json {
  return { id, _rid: rid, _self: `dbs/${rid}/`, _etag: etag, _colls: 'colls/', _users: 'users/', _ts: ts }
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
