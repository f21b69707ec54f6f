import { badRequest, conflict, notFound } from './failure.ts'
import { containerRid, databaseRid } from './rid.ts'
import { newEtag, nowSeconds, type Store } from './store.ts'

export interface ContainerSettings {
  readonly partitionKey: { readonly paths: readonly string[]; readonly kind: string; readonly version: number }
  readonly indexingPolicy: unknown
  readonly defaultTtl?: number
}

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
  readonly ts: number
  readonly etag: string
}

const DEFAULT_INDEXING = {
  indexingMode: 'consistent',
  automatic: true,
  includedPaths: [{ path: '/*' }],
  excludedPaths: [{ path: '/"_etag"/?' }],
}

type Row = Record<string, unknown>

/** Databases and containers, found by id or by rid. */
export class Catalog {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  databases(): Database[] {
    return (this.#store.sql.prepare('SELECT * FROM databases ORDER BY number').all() as Row[]).map(toDatabase)
  }

  database(idOrRid: string): Database {
    const found = this.databases().find((database) => database.id === idOrRid || database.rid === idOrRid)
    if (!found) throw notFound(`the database ${idOrRid}`)
    return found
  }

  createDatabase(body: Row): Promise<Database> {
    const id = resourceId(body.id)
    return this.#store.write(() => {
      if (this.databases().some((database) => database.id === id)) throw conflict(`the database ${id}`)
      this.#store.sql.prepare('INSERT INTO databases (id, ts, etag) VALUES (?, ?, ?)').run(id, nowSeconds(), newEtag())
      return this.database(id)
    })
  }

  deleteDatabase({ number }: Database): Promise<void> {
    return this.#store.write(() => void this.#store.sql.prepare('DELETE FROM databases WHERE number = ?').run(number))
  }

  containers(database: Database): Container[] {
    const rows = this.#store.sql
      .prepare('SELECT * FROM containers WHERE database = ? ORDER BY number')
      .all(database.number)
    return (rows as Row[]).map((row) => toContainer(row, database))
  }

  container(database: Database, idOrRid: string): Container {
    const found = this.containers(database).find((container) => container.id === idOrRid || container.rid === idOrRid)
    // 1003: the SDKs tell a container that is not there from an item that is not.
    if (!found) throw notFound(`the container ${idOrRid}`, 1003)
    return found
  }

  createContainer(database: Database, body: Row): Promise<Container> {
    const id = resourceId(body.id)
    const settings = JSON.stringify(readSettings(body))
    return this.#store.write(() => {
      if (this.containers(database).some((container) => container.id === id)) throw conflict(`the container ${id}`)
      this.#store.sql
        .prepare('INSERT INTO containers (database, id, settings, ts, etag) VALUES (?, ?, ?, ?, ?)')
        .run(database.number, id, settings, nowSeconds(), newEtag())
      return this.container(database, id)
    })
  }

  replaceContainer(container: Container, body: Row): Promise<Container> {
    const settings = readSettings(body)
    if (settings.partitionKey.paths[0] !== container.settings.partitionKey.paths[0])
      throw badRequest('the partition key of a container cannot be changed')
    return this.#store.write(() => {
      this.#store.sql
        .prepare('UPDATE containers SET settings = ?, ts = ?, etag = ? WHERE number = ?')
        .run(JSON.stringify(settings), nowSeconds(), newEtag(), container.number)
      return this.container(container.database, container.id)
    })
  }

  deleteContainer({ number }: Container): Promise<void> {
    return this.#store.write(() => void this.#store.sql.prepare('DELETE FROM containers WHERE number = ?').run(number))
  }
}

function toDatabase(row: Row): Database {
  const number = Number(row.number)
  return { number, id: String(row.id), rid: databaseRid(number), ts: Number(row.ts), etag: String(row.etag) }
}

function toContainer(row: Row, database: Database): Container {
  const number = Number(row.number)
  return {
    number,
    id: String(row.id),
    rid: containerRid(database.number, number),
    database,
    settings: JSON.parse(String(row.settings)) as ContainerSettings,
    ts: Number(row.ts),
    etag: String(row.etag),
  }
}

function resourceId(id: unknown): string {
  if (typeof id !== 'string' || !/^[^/\\?#]{1,255}$/.test(id)) throw badRequest('an id is a text without / \\ ? #')
  return id
}

/** What a container may ask for here; anything else would be promised and not kept. */
function readSettings(body: Row): ContainerSettings {
  const { partitionKey, uniqueKeyPolicy, defaultTtl, indexingPolicy } = body as {
    partitionKey?: { paths?: unknown; kind?: unknown }
    uniqueKeyPolicy?: { uniqueKeys?: unknown[] }
    defaultTtl?: unknown
    indexingPolicy?: unknown
  }
  const paths = partitionKey?.paths
  if (!Array.isArray(paths) || typeof paths[0] !== 'string' || !/^(\/[^/]+)+$/.test(paths[0]))
    throw badRequest('a container needs a partition key such as /pk')
  if (paths.length > 1 || partitionKey?.kind === 'MultiHash')
    throw badRequest('hierarchical partition keys are not supported by this endpoint')
  if (uniqueKeyPolicy?.uniqueKeys?.length) throw badRequest('unique keys are not supported by this endpoint')
  if (
    defaultTtl !== undefined &&
    defaultTtl !== null &&
    defaultTtl !== -1 &&
    !(Number.isInteger(defaultTtl) && Number(defaultTtl) > 0)
  )
    throw badRequest('defaultTtl is -1 or a number of seconds')
  return {
    partitionKey: { paths: [paths[0]], kind: 'Hash', version: 2 },
    indexingPolicy: indexingPolicy ?? DEFAULT_INDEXING,
    ...(typeof defaultTtl === 'number' ? { defaultTtl } : {}),
  }
}
