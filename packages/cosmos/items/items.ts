import type { StatementSync } from 'node:sqlite'
import { type Change, writeCharge } from '../api/charges.ts'
import { badRequest, checkMatch, conflict, preconditionFailed } from '../api/failure.ts'
import type { Container } from '../resources/catalog.ts'
import type { LogicalPartition } from '../resources/feed-range.ts'
import { documentRid } from '../resources/rid.ts'
import { resolveTtl } from '../resources/time-to-live.ts'
import { INDEX_ITEM, UNINDEX_ITEM } from '../store/indexes.ts'
import { newEtag, type Store } from '../store/store.ts'
import type { Json } from '../values/json.ts'
import { type CheckedItem, checkItem } from './checked-item.ts'
import { EffectiveKeys } from './effective-keys.ts'
import { type Item, ItemReader, type Outcome } from './item-reader.ts'
import { applyPatch, readPatch } from './patch.ts'
import { satisfies } from './patch-condition.ts'
import { UniqueKeys } from './unique-keys.ts'

const SQL = {
  create: `
    INSERT INTO items (number, container, pk, id, epk, lsn, ts, etag, expires, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO NOTHING`,
  replace: 'UPDATE items SET lsn = ?, ts = ?, etag = ?, expires = ?, body = ? WHERE number = ?',
  remove: 'DELETE FROM items WHERE number = ?',
  index: INDEX_ITEM,
  unindex: UNINDEX_ITEM,
  removeIfExpired: 'DELETE FROM items WHERE container = ? AND pk = ? AND id = ? AND expires <= ?',
}
const ANY_EXPIRED = 'SELECT 1 FROM items WHERE expires <= ? LIMIT 1'
const REMOVE_EXPIRED = 'DELETE FROM items WHERE number IN (SELECT number FROM items WHERE expires <= ? LIMIT ?)'

/** Etags, or `*`. https://learn.microsoft.com/azure/cosmos-db/database-transactions-optimistic-concurrency */
interface Conditions {
  readonly ifMatch?: string | undefined
}

/** A change of an item that exists. */
interface ItemChange extends Conditions {
  readonly id: string
  /** The new item, or the patch. */
  readonly body: unknown
}

interface Replacement {
  readonly before: Item
  readonly checked: CheckedItem
  /** How many operations the patch has; undefined for a change without one. */
  readonly patched?: number
}

/**
 * The items of all containers. Ignores expired items, swept or not. All methods but the reads run within a
 * write and take its LSN. They refuse before they change anything.
 */
export class Items extends ItemReader {
  readonly #store: Store
  readonly #uniqueKeys: UniqueKeys
  readonly effectiveKeys = new EffectiveKeys()
  readonly #statements: Record<keyof typeof SQL, StatementSync>

  constructor(store: Store) {
    super(store)
    this.#store = store
    this.#uniqueKeys = new UniqueKeys(store)
    this.#statements = {
      create: store.compile(SQL.create),
      replace: store.compile(SQL.replace),
      remove: store.compile(SQL.remove),
      index: store.compile(SQL.index),
      unindex: store.compile(SQL.unindex),
      removeIfExpired: store.compile(SQL.removeIfExpired),
    }
  }

  /** @throws Failure 400, 409, 413 */
  create(partition: LogicalPartition, body: unknown, lsn: number): Outcome {
    return this.#create(partition, checkItem(partition, body), lsn)
  }

  /** @throws Failure 400, 409 for a unique key, 412, 413 */
  upsert(partition: LogicalPartition, body: unknown, conditions: Conditions, lsn: number): Outcome {
    const checked = checkItem(partition, body)
    const before = this.find(partition, checked.id)
    // Without the item, an upsert creates it whatever If-Match says.
    if (!before) return this.#create(partition, checked, lsn)
    checkMatch(before, conditions.ifMatch)
    return this.#replace(partition, { before, checked }, lsn)
  }

  /** @throws Failure 400, 404, 409 for a unique key, 412, 413 */
  replace(partition: LogicalPartition, { id, body, ifMatch }: ItemChange, lsn: number): Outcome {
    const checked = checkItem(partition, body)
    if (checked.id !== id) throw badRequest('the id of an item cannot be changed')
    const before = this.get(partition, id)
    checkMatch(before, ifMatch)
    return this.#replace(partition, { before, checked }, lsn)
  }

  /** @throws Failure 400, 404, 409 for a unique key, 412, 413 */
  patch(partition: LogicalPartition, { id, body, ifMatch }: ItemChange, lsn: number): Outcome {
    const { operations, condition } = readPatch(body)
    const before = this.get(partition, id)
    checkMatch(before, ifMatch)
    const item = JSON.parse(before.json) as Json
    if (condition !== undefined && !satisfies(item, condition))
      throw preconditionFailed('the condition of the patch is not met')
    applyPatch(item, operations)
    const checked = checkItem(partition, item)
    if (checked.id !== id) throw badRequest('the id of an item cannot be changed')
    return this.#replace(partition, { before, checked, patched: operations.length }, lsn)
  }

  /** @throws Failure 404, 412 */
  remove(partition: LogicalPartition, id: string, conditions: Conditions): Outcome {
    const before = this.get(partition, id)
    checkMatch(before, conditions.ifMatch)
    this.#statements.remove.run(before.number)
    const terms = partition.container.indexedPaths.countTerms(JSON.parse(before.json))
    return { status: 204, charge: writeCharge({ bytesBefore: Buffer.byteLength(before.json), terms }) }
  }

  /** Deletes expired items, at most `batchSize` in each commit, so that requests run in between. */
  async sweep(batchSize: number): Promise<void> {
    const now = Date.now() / 1000
    while (this.#store.prepare(ANY_EXPIRED).get(now))
      await this.#store.write(() => this.#store.prepare(REMOVE_EXPIRED).run(now, batchSize))
  }

  #create(partition: LogicalPartition, checked: CheckedItem, lsn: number): Outcome {
    const { container, pk } = partition
    this.#uniqueKeys.check(container, pk, checked.value, undefined)
    const item = buildItem(container, checked, this.#store.nextItemNumber())
    const epk = this.effectiveKeys.compute(container, pk)
    const insert = (): boolean =>
      this.#statements.create.run(
        item.number,
        container.number,
        pk,
        checked.id,
        epk,
        lsn,
        item.ts,
        item.etag,
        item.expires,
        item.json,
      ).changes === 1
    if (!insert()) {
      const { changes } = this.#statements.removeIfExpired.run(container.number, pk, checked.id, Date.now() / 1000)
      if (changes === 0 || !insert()) throw conflict(`the item ${checked.id}`)
    }
    this.#uniqueKeys.put(container, pk, checked.value, item.number)
    if (this.#store.hasIndexes(container.number)) this.#statements.index.run(item.number)
    const terms = container.indexedPaths.countTerms(checked.value)
    return { status: 201, item, charge: writeCharge({ bytesAfter: Buffer.byteLength(item.json), terms }) }
  }

  #replace({ container, pk }: LogicalPartition, { before, checked, patched = 0 }: Replacement, lsn: number): Outcome {
    this.#uniqueKeys.check(container, pk, checked.value, before.number)
    const item = buildItem(container, checked, before.number)
    const indexed = this.#store.hasIndexes(container.number)
    if (indexed) this.#statements.unindex.run(item.number)
    this.#statements.replace.run(lsn, item.ts, item.etag, item.expires, item.json, item.number)
    if (indexed) this.#statements.index.run(item.number)
    this.#uniqueKeys.put(container, pk, checked.value, item.number)
    const change: Change = {
      bytesBefore: Buffer.byteLength(before.json),
      bytesAfter: Buffer.byteLength(item.json),
      terms: container.indexedPaths.countChangedTerms(JSON.parse(before.json), JSON.parse(item.json)),
      patched,
    }
    return { status: 200, item, charge: writeCharge(change) }
  }
}

function buildItem(
  container: Container,
  { ttl, text }: CheckedItem,
  number: number,
): Item & { ts: number; expires: number | null } {
  const [ts, etag] = [Math.floor(Date.now() / 1000), newEtag()]
  const rid = documentRid(container.rid, number)
  // Joined as text, because writing the item's JSON again costs as much as storing it. No item is empty.
  const json =
    `${text.slice(0, -1)},"_rid":"${rid}",` +
    `"_self":"dbs/${container.database.rid}/colls/${container.rid}/docs/${rid}/",` +
    `"_etag":${JSON.stringify(etag)},"_attachments":"attachments/","_ts":${ts}}`
  const lifetime = resolveTtl(container.settings.defaultTtl, ttl)
  return { number, etag, json, ts, expires: lifetime === undefined ? null : ts + lifetime }
}
