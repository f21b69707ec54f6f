import { badRequest, conflict, notFound, preconditionFailed, tooLarge } from '../failure.ts'
import { checkJson, isObject, type Json } from '../json.ts'
import type { Container } from '../resources/catalog.ts'
import { documentRid } from '../resources/rid.ts'
import { newEtag, nowSeconds, type Store } from '../store/store.ts'
import { keyOfItem } from './partition-key.ts'
import { applyPatch } from './patch.ts'
import { withoutSystemFields } from './system-fields.ts'
import { isTtl, lifetimeOf, MAX_TTL_SECONDS } from './time-to-live.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_ITEM_BYTES = 2 * 1024 * 1024
const MAX_ID_BYTES = 1023

const NOT_EXPIRED = '(expires IS NULL OR expires > ?)'
const READ = `SELECT number, etag, body FROM items WHERE container = ? AND pk = ? AND id = ? AND ${NOT_EXPIRED}`
const WRITE = `
  INSERT INTO items (number, container, pk, id, epk, lsn, ts, etag, expires, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (container, pk, id) DO UPDATE SET lsn = excluded.lsn, ts = excluded.ts, etag = excluded.etag,
    expires = excluded.expires, body = excluded.body`
const REMOVE = 'DELETE FROM items WHERE container = ? AND pk = ? AND id = ?'
const ANY_EXPIRED = 'SELECT 1 FROM items WHERE expires <= ? LIMIT 1'
const REMOVE_EXPIRED = 'DELETE FROM items WHERE number IN (SELECT number FROM items WHERE expires <= ? LIMIT ?)'

/** An item as it is stored. */
export interface Item {
  /** Its rid holds it. */
  readonly number: number
  readonly etag: string
  /** The item's JSON with the system's fields. */
  readonly json: string
}

export interface Conditions {
  readonly ifMatch?: string | undefined
}

export interface Written {
  readonly status: number
  readonly item?: Item
}

/** A logical partition: in it an id is an item's own. */
export interface Place {
  readonly container: Container
  readonly pk: string
}

/**
 * The items of all containers. Expired ones are not there, whether swept or not. All but `read` and `find` run within a write, and are
 * given its LSN.
 */
export class Items {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /** @throws Failure 404 */
  read(place: Place, id: string): Item {
    const item = this.find(place, id)
    if (!item) throw notFound(`the item ${id}`)
    return item
  }

  find({ container, pk }: Place, id: string): Item | undefined {
    const row = this.#store.prepare(READ).get(container.number, pk, id, Date.now() / 1000)
    return row && { number: Number(row.number), etag: String(row.etag), json: String(row.body) }
  }

  create(place: Place, body: unknown, lsn: number): Written {
    const checked = checkItem(place, body)
    if (this.find(place, checked.id)) throw conflict(`the item ${checked.id}`)
    return { status: 201, item: this.#put(place, checked, undefined, lsn) }
  }

  upsert(place: Place, body: unknown, conditions: Conditions, lsn: number): Written {
    const checked = checkItem(place, body)
    const before = this.find(place, checked.id)
    if (before) checkMatch(before, conditions)
    return { status: before ? 200 : 201, item: this.#put(place, checked, before, lsn) }
  }

  replace(place: Place, id: string, body: unknown, conditions: Conditions, lsn: number): Written {
    const checked = checkItem(place, body)
    if (checked.id !== id) throw badRequest('the id of an item cannot be changed')
    const before = this.read(place, id)
    checkMatch(before, conditions)
    return { status: 200, item: this.#put(place, checked, before, lsn) }
  }

  patch(place: Place, id: string, body: unknown, conditions: Conditions, lsn: number): Written {
    const before = this.read(place, id)
    checkMatch(before, conditions)
    const item = JSON.parse(before.json) as Json
    applyPatch(item, body)
    const checked = checkItem(place, item)
    if (checked.id !== id) throw badRequest('the id of an item cannot be changed')
    return { status: 200, item: this.#put(place, checked, before, lsn) }
  }

  remove(place: Place, id: string, conditions: Conditions): Written {
    checkMatch(this.read(place, id), conditions)
    this.#store.prepare(REMOVE).run(place.container.number, place.pk, id)
    return { status: 204 }
  }

  /** Deletes what expired, in commits of so many items at most, so that requests come in between. */
  async sweep(most: number): Promise<void> {
    const now = Date.now() / 1000
    while (this.#store.prepare(ANY_EXPIRED).get(now))
      await this.#store.write(() => this.#store.prepare(REMOVE_EXPIRED).run(now, most))
  }

  #put({ container, pk }: Place, { id, ttl, text }: Checked, before: Item | undefined, lsn: number): Item {
    const number = before?.number ?? this.#store.nextItem()
    const [ts, etag] = [nowSeconds(), newEtag()]
    const rid = documentRid(container.rid, number)
    const self = `dbs/${container.database.rid}/colls/${container.rid}/docs/${rid}/`
    const system = { _rid: rid, _self: self, _etag: etag, _attachments: 'attachments/', _ts: ts }
    // Put together as text: no item is empty, and to write its JSON again costs as much as to store it.
    const json = `${text.slice(0, -1)},${JSON.stringify(system).slice(1)}`
    const lifetime = lifetimeOf(container.settings.defaultTtl, ttl)
    const expires = lifetime === undefined ? null : ts + lifetime
    this.#store.prepare(WRITE).run(number, container.number, pk, id, '', lsn, ts, etag, expires, json)
    return { number, etag, json }
  }
}

function checkMatch(item: Item, { ifMatch }: Conditions): void {
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== item.etag) throw preconditionFailed()
}

/** An item that may be stored. */
interface Checked {
  readonly id: string
  readonly ttl: number | undefined
  /** Its JSON without the system's fields. */
  readonly text: string
}

function checkItem({ container, pk }: Place, body: unknown): Checked {
  if (!isObject(body)) throw badRequest('an item is a JSON object')
  checkJson(body)
  const value = withoutSystemFields(body)
  const { id, ttl } = value
  if (typeof id !== 'string' || id === '') throw badRequest('an item needs an id')
  if (Buffer.byteLength(id) > MAX_ID_BYTES || /[/\\?#]/.test(id) || !id.isWellFormed())
    throw badRequest(`an id is a text of at most ${MAX_ID_BYTES} bytes with none of / \\ ? #`)
  if (ttl !== undefined && !isTtl(ttl)) throw badRequest(`ttl is -1 or 1 to ${MAX_TTL_SECONDS} seconds`)
  if (keyOfItem(container, value) !== pk)
    throw badRequest('the partition key of the header is not that of the item', 1001)
  const text = JSON.stringify(value)
  const size = Buffer.byteLength(text)
  if (size > MAX_ITEM_BYTES) throw tooLarge(`an item has at most ${MAX_ITEM_BYTES} bytes, this one ${size}`)
  return { id, ttl, text }
}
