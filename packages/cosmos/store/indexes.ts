import type { DatabaseSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import { encodeItemKey, type IndexTerm } from './index-key.ts'

/**
 * The indexes of containers by values of their items. An index has an entry for each item of its container.
 * `part` is the partition key for queries of one partition, else ''. All indexes share one table: SQLite
 * would evaluate an expression index at every write to every container. The code that writes an item's body
 * adds its entries: a trigger would double the cost of a batch in a container without an index. A trigger
 * removes entries, as items are deleted in many ways.
 */
export const INDEXES = `
  CREATE TABLE indexes (
    number INTEGER PRIMARY KEY, container INTEGER NOT NULL REFERENCES containers ON DELETE CASCADE, terms TEXT NOT NULL,
    by_partition INTEGER NOT NULL, UNIQUE (container, terms, by_partition));
  CREATE TABLE index_entries (
    idx INTEGER NOT NULL, part TEXT NOT NULL, value BLOB NOT NULL, item INTEGER NOT NULL,
    PRIMARY KEY (idx, part, value, item)) WITHOUT ROWID;
  CREATE TRIGGER items_are_indexed_no_more AFTER DELETE ON items BEGIN
    DELETE FROM index_entries WHERE (idx, part, value, item) IN
      (SELECT ${formatColumns('old')} FROM indexes i WHERE i.container = old.container);
  END;
  CREATE TRIGGER indexes_are_dropped AFTER DELETE ON indexes BEGIN
    DELETE FROM index_entries WHERE idx = old.number;
  END;
`

const ITEM_BY_INDEX = 'items o JOIN indexes i ON i.container = o.container'

/** Adds the entries of an item, by its number. */
export const INDEX_ITEM = `
  INSERT INTO index_entries SELECT ${formatColumns('o')} FROM ${ITEM_BY_INDEX} WHERE o.number = ?`

/** Removes them, before the item's body changes. */
export const UNINDEX_ITEM = `
  DELETE FROM index_entries WHERE (idx, part, value, item) IN
    (SELECT ${formatColumns('o')} FROM ${ITEM_BY_INDEX} WHERE o.number = ?)`

function formatColumns(item: string): string {
  return `i.number, iif(i.by_partition, ${item}.pk, ''), cosmos_key(${item}.body, i.terms), ${item}.number`
}

/** Fills a new index, by its number. */
export const FILL_INDEX = `
  INSERT INTO index_entries SELECT ${formatColumns('o')} FROM ${ITEM_BY_INDEX} WHERE i.number = ?`

/** Adds the SQL function that computes an item's keys. */
export function addIndexFunction(sql: DatabaseSync): void {
  sql.function('cosmos_key', { deterministic: true }, buildKeyFunction())
}

/** Parses the JSON of an item once, for all of its indexes. */
function buildKeyFunction(): (body: unknown, terms: unknown) => Uint8Array {
  const known = new LRUCache<string, readonly IndexTerm[]>({ max: 1000 })
  let last: { readonly body: unknown; readonly item: unknown } = { body: undefined, item: undefined }
  return (body, terms) => {
    if (last.body !== body) last = { body, item: JSON.parse(String(body)) }
    const text = String(terms)
    let parsed = known.get(text)
    if (!parsed) {
      parsed = JSON.parse(text) as readonly IndexTerm[]
      known.set(text, parsed)
    }
    return encodeItemKey(last.item, parsed)
  }
}
