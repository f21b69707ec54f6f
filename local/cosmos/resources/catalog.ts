import { badRequest, conflict, notFound, preconditionFailed } from '../failure.ts'
import { isObject, type Json } from '../json.ts'
import { newEtag, nowSeconds, type Store } from '../store/store.ts'
import { type ContainerSettings, readSettings } from './container-settings.ts'
import { containerRid, databaseRid } from './rid.ts'

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
  /** The names on the way to each component of an item's partition key. */
  readonly keyPaths: readonly (readonly string[])[]
  readonly ts: number
  readonly etag: string
}

interface Known {
  readonly databases: readonly Database[]
  /** By the number of their database. */
  readonly containers: ReadonlyMap<number, readonly Container[]>
}

/** Databases and containers, found by id or by rid. Kept in memory: each request asks. */
export class Catalog {
  readonly #store: Store
  #known: Known | undefined

  constructor(store: Store) {
    this.#store = store
  }

  databases(): readonly Database[] {
    return this.#load().databases
  }

  /** @throws Failure 404 */
  database(idOrRid: string): Database {
    const found = byIdOrRid(this.databases(), idOrRid)
    if (!found) throw notFound(`the database ${idOrRid}`)
    return found
  }

  createDatabase(body: unknown): Promise<Database> {
    const id = resourceId(body)
    return this.#write(() => {
      if (this.databases().some((database) => database.id === id)) throw conflict(`the database ${id}`)
      this.#store.prepare('INSERT INTO databases (id, ts, etag) VALUES (?, ?, ?)').run(id, nowSeconds(), newEtag())
      return () => this.database(id)
    })
  }

  deleteDatabase({ number, id }: Database): Promise<void> {
    return this.#write(() => {
      const { changes } = this.#store.prepare('DELETE FROM databases WHERE number = ?').run(number)
      if (changes === 0) throw notFound(`the database ${id}`)
      return () => {}
    })
  }

  containers(database: Database): readonly Container[] {
    return this.#load().containers.get(database.number) ?? []
  }

  /** @throws Failure 404 */
  container(database: Database, idOrRid: string): Container {
    const found = byIdOrRid(this.containers(database), idOrRid)
    if (!found) throw noContainer(idOrRid)
    return found
  }

  /**
   * A container as it is by now: within a write, after those that were queued before it.
   * @throws Failure 404
   */
  current({ number, id, database }: Container): Container {
    const found = this.containers(database).find((container) => container.number === number)
    if (!found) throw noContainer(id)
    return found
  }

  createContainer(database: Database, body: unknown): Promise<Container> {
    const id = resourceId(body)
    const settings = JSON.stringify(readSettings(body as Json))
    return this.#write(() => {
      const current = this.database(database.rid)
      if (this.containers(current).some((container) => container.id === id)) throw conflict(`the container ${id}`)
      this.#store
        .prepare('INSERT INTO containers (database, id, settings, ts, etag) VALUES (?, ?, ?, ?, ?)')
        .run(database.number, id, settings, nowSeconds(), newEtag())
      return () => this.container(current, id)
    })
  }

  /** @throws Failure 412 when `ifMatch` is not its etag. */
  replaceContainer(container: Container, body: unknown, ifMatch: string | undefined): Promise<Container> {
    if (resourceId(body) !== container.id) throw badRequest('the id of a container cannot be changed')
    const settings = readSettings(body as Json)
    if (settings.partitionKey.paths[0] !== container.settings.partitionKey.paths[0])
      throw badRequest('the partition key of a container cannot be changed')
    return this.#write(() => {
      const before = this.current(container)
      if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== before.etag) throw preconditionFailed()
      this.#store
        .prepare('UPDATE containers SET settings = ?, ts = ?, etag = ? WHERE number = ?')
        .run(JSON.stringify(settings), nowSeconds(), newEtag(), container.number)
      if (settings.defaultTtl !== before.settings.defaultTtl) this.#retime(container, settings.defaultTtl)
      return () => this.current(container)
    })
  }

  deleteContainer({ number, id }: Container): Promise<void> {
    return this.#write(() => {
      const { changes } = this.#store.prepare('DELETE FROM containers WHERE number = ?').run(number)
      if (changes === 0) throw noContainer(id)
      return () => {}
    })
  }

  /** A new default holds for the items that are there; what expired under the old one does not come back. */
  #retime({ number }: Container, defaultTtl: number | undefined): void {
    this.#store.prepare('DELETE FROM items WHERE container = ? AND expires <= ?').run(number, Date.now() / 1000)
    this.#store
      .prepare(
        `UPDATE items SET expires = CASE WHEN :ttl IS NULL THEN NULL
          ELSE ts + nullif(coalesce(json_extract(body, '$."ttl"'), :ttl), -1) END WHERE container = :container`,
      )
      .run({ container: number, ttl: defaultTtl ?? null })
  }

  /** @param change returns what to answer with, looked up after the change. */
  #write<Result>(change: () => () => Result): Promise<Result> {
    return this.#store.write(() => {
      try {
        const result = change()
        this.#known = undefined
        return result()
      } finally {
        this.#known = undefined
      }
    })
  }

  #load(): Known {
    this.#known ??= this.#read()
    return this.#known
  }

  #read(): Known {
    const databases = this.#store.prepare('SELECT * FROM databases ORDER BY number').all().map(toDatabase)
    const rows = this.#store.prepare('SELECT * FROM containers ORDER BY number').all()
    const containers = databases.map((database): [number, Container[]] => [
      database.number,
      rows.filter((row) => row.database === database.number).map((row) => toContainer(row, database)),
    ])
    return { databases, containers: new Map(containers) }
  }
}

type Row = Record<string, unknown>

function toDatabase(row: Row): Database {
  const number = Number(row.number)
  return { number, id: String(row.id), rid: databaseRid(number), ts: Number(row.ts), etag: String(row.etag) }
}

function toContainer(row: Row, database: Database): Container {
  const number = Number(row.number)
  const settings = JSON.parse(String(row.settings)) as ContainerSettings
  return {
    number,
    id: String(row.id),
    rid: containerRid(database.number, number),
    database,
    settings,
    keyPaths: settings.partitionKey.paths.map((path) => path.slice(1).replaceAll('"', '').split('/')),
    ts: Number(row.ts),
    etag: String(row.etag),
  }
}

/** An id wins over a rid: ids are what people choose. */
function byIdOrRid<Resource extends { readonly id: string; readonly rid: string }>(
  resources: readonly Resource[],
  idOrRid: string,
): Resource | undefined {
  return resources.find(({ id }) => id === idOrRid) ?? resources.find(({ rid }) => rid === idOrRid)
}

// 1003: the SDKs tell a container that is not there from an item that is not.
const noContainer = (id: string): Error => notFound(`the container ${id}`, 1003)

function resourceId(body: unknown): string {
  const id = isObject(body) ? body.id : undefined
  if (typeof id !== 'string' || !/^[^/\\?#]{1,255}$/.test(id) || !id.isWellFormed())
    throw badRequest('an id is a text of 1 to 255 letters with none of / \\ ? #')
  return id
}
