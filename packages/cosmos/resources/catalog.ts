import { badRequest, checkMatch, conflict, notFound } from '../api/failure.ts'
import { newEtag, nowSeconds, type Store } from '../store/store.ts'
import { isObject, type Json } from '../values/json.ts'
import { type ContainerSettings, readSettings } from './container-settings.ts'
import { IndexedPaths } from './indexed-paths.ts'
import { DEFAULT_THROUGHPUT, type Offer, type Throughput } from './offers.ts'
import { parsePropertyPath } from './property-path.ts'
import { FULL_RANGE, halveRange, type Range } from './ranges.ts'
import { containerRid, databaseRid, offerRid } from './rid.ts'

export interface Database {
  readonly number: number
  readonly id: string
  readonly rid: string
  readonly ts: number
  readonly etag: string
}

export interface Container {
  readonly number: number
  readonly id: string
  readonly rid: string
  readonly database: Database
  readonly settings: ContainerSettings
  /** The path of each component of an item's partition key. */
  readonly keyPaths: readonly (readonly string[])[]
  /** The paths of each unique key. */
  readonly uniqueKeys: readonly (readonly (readonly string[])[])[]
  readonly indexedPaths: IndexedPaths
  /** Adjoining, from the lowest on. */
  readonly ranges: readonly Range[]
  readonly ts: number
  readonly etag: string
}

interface CatalogState {
  readonly databases: readonly Database[]
  /** By the number of the database. */
  readonly containers: ReadonlyMap<number, readonly Container[]>
  readonly offers: readonly Offer[]
}

/**
 * Databases and containers by id or rid, with their ranges and offers. Cached, as every request needs them.
 */
export class Catalog {
  readonly #store: Store
  #state: CatalogState | undefined

  constructor(store: Store) {
    this.#store = store
  }

  databases(): readonly Database[] {
    return this.#load().databases
  }

  /** @throws Failure 404 */
  database(idOrRid: string): Database {
    const found = findByIdOrRid(this.databases(), idOrRid)
    if (!found) throw notFound(`the database ${idOrRid}`)
    return found
  }

  createDatabase(body: unknown, throughput?: Throughput): Promise<Database> {
    const id = readResourceId(body)
    return this.#write(() => {
      if (this.databases().some((database) => database.id === id)) throw conflict(`the database ${id}`)
      const { lastInsertRowid } = this.#store
        .prepare('INSERT INTO databases (id, ts, etag) VALUES (?, ?, ?)')
        .run(id, nowSeconds(), newEtag())
      if (throughput) this.#putOffer({ database: Number(lastInsertRowid), container: null }, throughput)
      return () => this.database(id)
    })
  }

  /** @throws Failure 404, 412 when `ifMatch` is not its etag. */
  deleteDatabase(database: Database, ifMatch?: string): Promise<void> {
    return this.#write(() => {
      checkMatch(this.#currentDatabase(database), ifMatch)
      this.#store.prepare('DELETE FROM databases WHERE number = ?').run(database.number)
      return () => {}
    })
  }

  containers(database: Database): readonly Container[] {
    return this.#load().containers.get(database.number) ?? []
  }

  /** @throws Failure 404 */
  container(database: Database, idOrRid: string): Container {
    const found = findByIdOrRid(this.containers(database), idOrRid)
    if (!found) throw containerNotFound(idOrRid)
    return found
  }

  /**
   * The current state of a container. Within a write it includes the writes queued before.
   * @throws Failure 404
   */
  current({ number, id, database }: Container): Container {
    const found = this.containers(database).find((container) => container.number === number)
    if (!found) throw containerNotFound(id)
    return found
  }

  createContainer(database: Database, body: unknown, throughput?: Throughput): Promise<Container> {
    const id = readResourceId(body)
    const settings = JSON.stringify(readSettings(body as Json))
    return this.#write(() => {
      const current = this.#currentDatabase(database)
      if (this.containers(current).some((container) => container.id === id)) throw conflict(`the container ${id}`)
      const { lastInsertRowid } = this.#store
        .prepare('INSERT INTO containers (database, id, settings, ts, etag) VALUES (?, ?, ?, ?, ?)')
        .run(database.number, id, settings, nowSeconds(), newEtag())
      const container = Number(lastInsertRowid)
      this.#putRange(container, FULL_RANGE)
      const shared = this.offers().some(({ of }) => of === database.rid)
      if (throughput || !shared) this.#putOffer({ database: null, container }, throughput ?? DEFAULT_THROUGHPUT)
      return () => this.container(current, id)
    })
  }

  /** @throws Failure 412 when `ifMatch` is not its etag. */
  replaceContainer(container: Container, body: unknown, ifMatch: string | undefined): Promise<Container> {
    if (readResourceId(body) !== container.id) throw badRequest('the id of a container cannot be changed')
    const settings = readSettings(body as Json)
    for (const name of ['partitionKey', 'uniqueKeyPolicy'] as const)
      if (JSON.stringify(settings[name]) !== JSON.stringify(container.settings[name]))
        throw badRequest(`the ${name} of a container cannot be changed`)
    return this.#write(() => {
      const before = this.current(container)
      checkMatch(before, ifMatch)
      this.#store
        .prepare('UPDATE containers SET settings = ?, ts = ?, etag = ? WHERE number = ?')
        .run(JSON.stringify(settings), nowSeconds(), newEtag(), container.number)
      if (settings.defaultTtl !== before.settings.defaultTtl) this.#updateExpiry(container, settings.defaultTtl)
      return () => this.current(container)
    })
  }

  /** @throws Failure 404, 412 when `ifMatch` is not its etag. */
  deleteContainer(container: Container, ifMatch?: string): Promise<void> {
    return this.#write(() => {
      checkMatch(this.current(container), ifMatch)
      this.#store.prepare('DELETE FROM containers WHERE number = ?').run(container.number)
      return () => {}
    })
  }

  /**
   * Splits a range in two, as the service does when a physical partition is full. Requests that name the
   * range get a 410 from then on.
   * @returns the ids of the halves.
   * @throws Failure 404, or 400 when it cannot be split.
   */
  splitRange(container: Container, id: string): Promise<readonly string[]> {
    return this.#write(() => {
      const range = this.current(container).ranges.find((candidate) => candidate.id === id)
      if (!range) throw notFound(`the range ${id}`)
      const { last } = this.#store
        .prepare('SELECT max(id) AS last FROM ranges WHERE container = ?')
        .get(container.number) as { last: number }
      const halves = halveRange(range, [String(last + 1), String(last + 2)])
      this.#store.prepare('UPDATE ranges SET live = 0 WHERE container = ? AND id = ?').run(container.number, Number(id))
      for (const half of halves) this.#putRange(container.number, half)
      return () => halves.map((half) => half.id)
    })
  }

  offers(): readonly Offer[] {
    return this.#load().offers
  }

  /** @throws Failure 404 */
  offer(rid: string): Offer {
    const found = this.offers().find(({ number }) => offerRid(number) === rid)
    if (!found) throw notFound(`the offer ${rid}`)
    return found
  }

  /** @throws Failure 404, 412 */
  replaceOffer({ number }: Offer, throughput: Throughput, ifMatch: string | undefined): Promise<Offer> {
    return this.#write(() => {
      const before = this.offer(offerRid(number))
      checkMatch(before, ifMatch)
      this.#store
        .prepare('UPDATE offers SET content = ?, ts = ?, etag = ? WHERE number = ?')
        .run(JSON.stringify(throughput), nowSeconds(), newEtag(), number)
      return () => this.offer(offerRid(number))
    })
  }

  /** Found by number, as another database may have this one's rid as its id. */
  #currentDatabase({ number, id }: Database): Database {
    const found = this.databases().find((database) => database.number === number)
    if (!found) throw notFound(`the database ${id}`)
    return found
  }

  #putRange(container: number, { id, min, max, parents }: Range): void {
    this.#store
      .prepare('INSERT INTO ranges (container, id, min, max, parents, live) VALUES (?, ?, ?, ?, ?, 1)')
      .run(container, Number(id), min, max, JSON.stringify(parents))
  }

  #putOffer(of: { database: number | null; container: number | null }, throughput: Throughput): void {
    this.#store
      .prepare('INSERT INTO offers (database, container, content, ts, etag) VALUES (?, ?, ?, ?, ?)')
      .run(of.database, of.container, JSON.stringify(throughput), nowSeconds(), newEtag())
  }

  /**
   * Applies a new default to existing items. Deletes the expired ones first, so that they do not come back.
   */
  #updateExpiry({ number }: Container, defaultTtl: number | undefined): void {
    this.#store.prepare('DELETE FROM items WHERE container = ? AND expires <= ?').run(number, Date.now() / 1000)
    this.#store
      .prepare(
        `UPDATE items SET expires = CASE WHEN :ttl IS NULL THEN NULL
          ELSE ts + nullif(coalesce(json_extract(body, '$."ttl"'), :ttl), -1) END WHERE container = :container`,
      )
      .run({ container: number, ttl: defaultTtl ?? null })
  }

  /** @param change returns a function that gets the result, called after the change. */
  #write<Result>(change: () => () => Result): Promise<Result> {
    return this.#store.write(() => {
      try {
        const result = change()
        this.#state = undefined
        return result()
      } finally {
        this.#state = undefined
      }
    })
  }

  #load(): CatalogState {
    this.#state ??= this.#read()
    return this.#state
  }

  #read(): CatalogState {
    const all = (table: string, order: string): Row[] =>
      this.#store.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all()
    const databases = all('databases', 'number').map(toDatabase)
    const ranges = Map.groupBy(all('ranges', 'container, min'), ({ container }) => Number(container))
    const containers = Map.groupBy(
      all('containers', 'number').flatMap((row) => {
        const database = databases.find(({ number }) => number === row.database)
        return database ? [toContainer(row, database, ranges.get(Number(row.number)) ?? [])] : []
      }),
      ({ database }) => database.number,
    )
    const known = [...containers.values()].flat()
    const offers = all('offers', 'number').map((row) => toOffer(row, databases, known))
    return { databases, containers, offers }
  }
}

type Row = Record<string, unknown>

function toDatabase(row: Row): Database {
  const number = Number(row.number)
  return { number, id: String(row.id), rid: databaseRid(number), ts: Number(row.ts), etag: String(row.etag) }
}

function toContainer(row: Row, database: Database, ranges: readonly Row[]): Container {
  const number = Number(row.number)
  const settings = JSON.parse(String(row.settings)) as ContainerSettings
  return {
    number,
    id: String(row.id),
    rid: containerRid(database.number, number),
    database,
    settings,
    keyPaths: settings.partitionKey.paths.map(parsePropertyPath),
    uniqueKeys: settings.uniqueKeyPolicy?.uniqueKeys.map(({ paths }) => paths.map(parsePropertyPath)) ?? [],
    indexedPaths: new IndexedPaths(settings.indexingPolicy),
    ranges: ranges.filter(({ live }) => live === 1).map(toRange),
    ts: Number(row.ts),
    etag: String(row.etag),
  }
}

function toRange(row: Row): Range {
  return { id: String(row.id), min: String(row.min), max: String(row.max), parents: JSON.parse(String(row.parents)) }
}

function toOffer(row: Row, databases: readonly Database[], containers: readonly Container[]): Offer {
  const container = containers.find(({ number }) => number === row.container)
  const database = container?.database ?? databases.find(({ number }) => number === row.database)
  return {
    number: Number(row.number),
    of: container?.rid ?? database?.rid ?? '',
    resource: `dbs/${database?.rid}/${container ? `colls/${container.rid}/` : ''}`,
    throughput: JSON.parse(String(row.content)),
    ts: Number(row.ts),
    etag: String(row.etag),
  }
}

/** An id takes precedence over a rid, because people choose ids. */
function findByIdOrRid<Resource extends { readonly id: string; readonly rid: string }>(
  resources: readonly Resource[],
  idOrRid: string,
): Resource | undefined {
  return resources.find(({ id }) => id === idOrRid) ?? resources.find(({ rid }) => rid === idOrRid)
}

// 1003: the SDKs tell a missing container from a missing item by it.
const containerNotFound = (id: string): Error => notFound(`the container ${id}`, 1003)

function readResourceId(body: unknown): string {
  const id = isObject(body) ? body.id : undefined
  if (typeof id !== 'string' || !/^[^/\\?#]{1,255}$/.test(id) || !id.isWellFormed() || id.endsWith(' '))
    throw badRequest('an id must be a text of 1 to 255 letters with none of / \\ ? #, and no space at its end')
  return id
}
