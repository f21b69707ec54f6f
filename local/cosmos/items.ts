import type { Container } from './catalog.ts'
import { badRequest, conflict, Failure, notFound, preconditionFailed, tooLarge } from './failure.ts'
import { applyPatch } from './patch.ts'
import { documentRid } from './rid.ts'
import { newEtag, nowSeconds, type Store } from './store.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_ITEM_BYTES = 2 * 1024 * 1024
const MAX_ID_BYTES = 1023
const MAX_KEY_BYTES = 2048

/** A JSON object as clients send it. */
export type Json = Record<string, unknown>

/** An item as it is stored. */
export interface Item {
  readonly pk: string
  readonly id: string
  readonly lsn: number
  readonly etag: string
  /** The item's JSON with the system's fields. */
  readonly json: string
}

export interface Conditions {
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
}

export interface Written {
  readonly status: number
  readonly item?: Item
}

/** A partition key as text: its JSON, so that "1" and 1 are two. `[{}]` is the key of items that have none. */
export function keyText(value: unknown): string {
  if (value === undefined || (typeof value === 'object' && value !== null)) return '{}'
  return JSON.stringify(value)
}

/** The items of all containers. Expired ones are not there, whether swept or not. */
export class Items {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** Never changes anything, so it needs no commit. */
  read(container: Container, pk: string, id: string): Item {
    const item = this.find(container, pk, id)
    if (!item) throw notFound(`the item ${id}`)
    return item
  }

  find(container: Container, pk: string, id: string): Item | undefined {
    const row = this.#store.sql
      .prepare('SELECT * FROM items WHERE container = ? AND pk = ? AND id = ? AND (expires IS NULL OR expires > ?)')
      .get(container.number, pk, id, Date.now() / 1000)
    return row && toItem(row)
  }

  create(container: Container, pk: string, body: unknown, lsn: number): Written {
    const { id, value } = checkItem(container, pk, body)
    if (this.find(container, pk, id)) throw conflict(`the item ${id}`)
    return { status: 201, item: this.#put(container, pk, id, value, lsn) }
  }

  upsert(container: Container, pk: string, body: unknown, conditions: Conditions, lsn: number): Written {
    const { id, value } = checkItem(container, pk, body)
    const before = this.find(container, pk, id)
    if (before) checkMatch(before, conditions)
    return { status: before ? 200 : 201, item: this.#put(container, pk, id, value, lsn) }
  }

  replace(
    container: Container,
    pk: string,
    oldId: string,
    body: unknown,
    conditions: Conditions,
    lsn: number,
  ): Written {
    const { id, value } = checkItem(container, pk, body)
    if (id !== oldId) throw badRequest('the id of an item cannot be changed')
    checkMatch(this.read(container, pk, id), conditions)
    return { status: 200, item: this.#put(container, pk, id, value, lsn) }
  }

  patch(container: Container, pk: string, id: string, body: unknown, conditions: Conditions, lsn: number): Written {
    const before = this.read(container, pk, id)
    checkMatch(before, conditions)
    const patched = applyPatch(withoutSystemFields(JSON.parse(before.json) as Json), body)
    const { value } = checkItem(container, pk, patched)
    if (patched.id !== id) throw badRequest('the id of an item cannot be changed')
    return { status: 200, item: this.#put(container, pk, id, value, lsn) }
  }

  remove(container: Container, pk: string, id: string, conditions: Conditions): Written {
    checkMatch(this.read(container, pk, id), conditions)
    this.#store.sql.prepare('DELETE FROM items WHERE container = ? AND pk = ? AND id = ?').run(container.number, pk, id)
    return { status: 204 }
  }

  /** Deletes what expired, so many at most. @returns how many. */
  sweep(most: number): Promise<number> {
    return this.#store.write(() => {
      const { changes } = this.#store.sql
        .prepare(
          'DELETE FROM items WHERE (container, pk, id) IN (SELECT container, pk, id FROM items WHERE expires <= ? LIMIT ?)',
        )
        .run(Date.now() / 1000, most)
      return Number(changes)
    })
  }

  #put(container: Container, pk: string, id: string, value: Json, lsn: number): Item {
    const { sql } = this.#store
    const old = sql
      .prepare('SELECT number FROM items WHERE container = ? AND pk = ? AND id = ?')
      .get(container.number, pk, id)
    const number = old ? Number(old.number) : this.#store.nextItem()
    const ts = nowSeconds()
    const etag = newEtag()
    const rid = documentRid(container.rid, number)
    const self = `dbs/${container.database.rid}/colls/${container.rid}/docs/${rid}/`
    const json = JSON.stringify({
      ...value,
      _rid: rid,
      _self: self,
      _etag: etag,
      _attachments: 'attachments/',
      _ts: ts,
    })
    const ttl = lifetime(container, value)
    sql
      .prepare(
        'INSERT OR REPLACE INTO items (container, pk, id, number, lsn, ts, etag, expires, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(container.number, pk, id, number, lsn, ts, etag, ttl === undefined ? null : ts + ttl, json)
    return { pk, id, lsn, etag, json }
  }
}

export function toItem(row: Record<string, unknown>): Item {
  return {
    pk: String(row.pk),
    id: String(row.id),
    lsn: Number(row.lsn),
    etag: String(row.etag),
    json: String(row.body),
  }
}

function checkMatch(item: Item, { ifMatch }: Conditions): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== item.etag) throw preconditionFailed()
}

/** Seconds an item lives; undefined for ever. Without a default of the container nothing expires. */
function lifetime({ settings: { defaultTtl } }: Container, { ttl }: Json): number | undefined {
  if (defaultTtl === undefined) return undefined
  const own = typeof ttl === 'number' ? ttl : defaultTtl
  return own === -1 ? undefined : own
}

const systemFields = new Set(['_rid', '_self', '_etag', '_attachments', '_ts', '_lsn'])

function withoutSystemFields(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !systemFields.has(name)))
}

function checkItem(container: Container, pk: string, body: unknown): { id: string; value: Json } {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw badRequest('an item is a JSON object')
  const value = withoutSystemFields(body as Json)
  const { id, ttl } = value
  if (typeof id !== 'string' || id === '') throw badRequest('an item needs an id')
  if (Buffer.byteLength(id) > MAX_ID_BYTES || /[/\\?#]/.test(id))
    throw badRequest(`an id has at most ${MAX_ID_BYTES} bytes and none of / \\ ? #`)
  if (ttl !== undefined && !(Number.isInteger(ttl) && (ttl === -1 || Number(ttl) > 0)))
    throw badRequest('ttl is -1 or a number of seconds')
  const own = keyText(keyOf(container, value))
  if (own !== pk) throw badRequest('the partition key of the header is not that of the item', 1001)
  if (Buffer.byteLength(pk) > MAX_KEY_BYTES) throw badRequest(`a partition key has at most ${MAX_KEY_BYTES} bytes`)
  const size = Buffer.byteLength(JSON.stringify(value))
  if (size > MAX_ITEM_BYTES) throw tooLarge(`an item has at most ${MAX_ITEM_BYTES} bytes, this one ${size}`)
  return { id, value }
}

function keyOf({ settings }: Container, value: Json): unknown {
  const names = settings.partitionKey.paths[0]?.slice(1).split('/') ?? []
  return names.reduce<unknown>((current, name) => {
    return typeof current === 'object' && current !== null ? (current as Json)[name.replaceAll('"', '')] : undefined
  }, value)
}

/** The key of the header: a JSON array of one. */
export function keyOfHeader(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  let parts: unknown
  try {
    parts = JSON.parse(header)
  } catch {
    throw badRequest('the partition key header is not JSON')
  }
  if (!Array.isArray(parts)) throw badRequest('the partition key header is not a JSON array')
  if (parts.length > 1)
    throw new Failure(400, 'BadRequest', 'hierarchical partition keys are not supported by this endpoint')
  return parts.length === 0 ? undefined : keyText(parts[0])
}
