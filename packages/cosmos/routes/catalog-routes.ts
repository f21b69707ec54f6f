import { MIN_CHARGE, queryCharge } from '../api/charges.ts'
import { type Answer, formatList } from '../http/answers.ts'
import type { Request } from '../http/requests.ts'
import { queryDocuments } from '../query/documents.ts'
import { readQuerySpec } from '../query/query-spec.ts'
import type { Catalog, Container, Database } from '../resources/catalog.ts'
import { type Offer, offerHeaders, readOfferThroughput, readThroughputHeaders, showOffer } from '../resources/offers.ts'
import type { Range } from '../resources/ranges.ts'
import { offerRid } from '../resources/rid.ts'
import type { Json } from '../values/json.ts'

export async function createDatabase(catalog: Catalog, { body, headers }: Request): Promise<Answer> {
  return toAnswer(201, showDatabase(await catalog.createDatabase(body, readThroughputHeaders(headers))))
}

export const listDatabases = (catalog: Catalog): Answer =>
  toListAnswer('Databases', catalog.databases().map(showDatabase), '')

export const readDatabase = (database: Database, request: Request): Answer =>
  answerRead(showDatabase(database), request)

export async function deleteDatabase(catalog: Catalog, database: Database, request: Request): Promise<Answer> {
  await catalog.deleteDatabase(database, request.headers['if-match'])
  return { status: 204 }
}

export async function createContainer(catalog: Catalog, database: Database, request: Request): Promise<Answer> {
  const throughput = readThroughputHeaders(request.headers)
  return toAnswer(201, showContainer(await catalog.createContainer(database, request.body, throughput)))
}

export const listContainers = (catalog: Catalog, database: Database): Answer =>
  toListAnswer('DocumentCollections', catalog.containers(database).map(showContainer), database.rid)

export const readContainer = (container: Container, request: Request): Answer =>
  answerRead(showContainer(container), request)

export async function replaceContainer(catalog: Catalog, container: Container, request: Request): Promise<Answer> {
  return toAnswer(
    200,
    showContainer(await catalog.replaceContainer(container, request.body, request.headers['if-match'])),
  )
}

export async function deleteContainer(catalog: Catalog, container: Container, request: Request): Promise<Answer> {
  await catalog.deleteContainer(container, request.headers['if-match'])
  return { status: 204 }
}

/**
 * The partition key ranges. The .NET SDK asks until nothing has changed, and finds by their parents which
 * ranges were split.
 */
export function listRanges({ rid, ts, ranges }: Container, { headers }: Request): Answer {
  const etag = `"${ranges.reduce((last, { id }) => Math.max(last, Number(id)), 0) + 1}"`
  if (headers['if-none-match'] === etag) return { status: 304, headers: { etag, 'x-ms-item-count': 0 } }
  const shown = ranges.map((range) => showRange(range, ranges.length, { _rid: rid, _etag: etag, _ts: ts }))
  return toListAnswer('PartitionKeyRanges', shown, rid, { etag })
}

export const listOffers = (catalog: Catalog): Answer => toListAnswer('Offers', toOfferDocuments(catalog), '')

export function readOffer(catalog: Catalog, { offer = '' }: Request): Answer {
  return toOfferAnswer(catalog.offer(offer))
}

export async function replaceOffer(catalog: Catalog, { offer = '', body, headers }: Request): Promise<Answer> {
  const before = catalog.offer(offer)
  return toOfferAnswer(await catalog.replaceOffer(before, readOfferThroughput(body, before), headers['if-match']))
}

export const queryDatabases = (catalog: Catalog, request: Request): Answer =>
  answerQuery('Databases', catalog.databases().map(showDatabase), '', request)

export const queryContainers = ({ catalog }: { catalog: Catalog }, database: Database, request: Request): Answer =>
  answerQuery('DocumentCollections', catalog.containers(database).map(showContainer), database.rid, request)

export const queryOffers = (catalog: Catalog, request: Request): Answer =>
  answerQuery('Offers', toOfferDocuments(catalog), '', request)

function toOfferAnswer(offer: Offer): Answer {
  const { headers, ...answer } = toAnswer(200, showOffer(offer, offerRid(offer.number)))
  return { ...answer, headers: { ...headers, ...offerHeaders(offer) } }
}

const toOfferDocuments = (catalog: Catalog): readonly Json[] =>
  catalog.offers().map((offer) => showOffer(offer, offerRid(offer.number)))

function answerQuery(name: string, resources: readonly Json[], rid: string, { body }: Request): Answer {
  const { text, parameters } = readQuerySpec(body)
  return formatList(name, queryDocuments(resources, text, parameters), rid, queryCharge(0))
}

function answerRead(resource: Json, { headers }: Request): Answer {
  const known = headers['if-none-match']
  const same = known === '*' || known === resource._etag
  return same ? { status: 304, headers: { etag: String(resource._etag) } } : toAnswer(200, resource)
}

function toAnswer(status: number, resource: Json): Answer {
  return { status, body: resource, headers: { etag: String(resource._etag) }, charge: MIN_CHARGE }
}

function toListAnswer(name: string, resources: readonly Json[], rid: string, headers: Answer['headers'] = {}): Answer {
  const members = resources.map((resource) => JSON.stringify(resource))
  return formatList(name, members, rid, MIN_CHARGE, headers)
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

function showRange({ id, min, max, parents }: Range, count: number, system: Json): Json {
  return {
    id,
    minInclusive: min,
    maxExclusive: max,
    ridPrefix: Number(id),
    throughputFraction: 1 / count,
    status: 'online',
    parents,
    ...system,
  }
}
