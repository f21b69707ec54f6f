import type { DatabaseSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'
import { encodeItemKey, type IndexTerm } from './index-key.ts'

/**
 * The indexes of containers by values of their items. An index has an entry for each item of its container;
 * `part` is the partition key where queries of one partition use it, else ''. There is one table for all: an
 * index by an expression of SQLite's own would be looked at by every write to every container. Whoever writes
 * an item's body makes its entries, as a trigger for it would double the cost of a batch of containers
 * without an index; entries go with their items by a trigger, as those are deleted in many ways.
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

/** Makes the entries of an item, by its number. */
export const INDEX_ITEM = `INSERT INTO index_entries SELECT ${formatColumns('o')} FROM ${ITEM_BY_INDEX} WHERE o.number = ?`

/** Removes them, while its body is still as it was. */
export const UNINDEX_ITEM = `
  DELETE FROM index_entries WHERE (idx, part, value, item) IN (SELECT ${formatColumns('o')} FROM ${ITEM_BY_INDEX} WHERE o.number = ?)`

function formatColumns(item: string): string {
  return `i.number, iif(i.by_partition, ${item}.pk, ''), cosmos_key(${item}.body, i.terms), ${item}.number`
}

/** Fills an index that is new: of its number. */
export const FILL_INDEX = `INSERT INTO index_entries SELECT ${formatColumns('o')} FROM ${ITEM_BY_INDEX} WHERE i.number = ?`

/** Adds the function that the triggers call. */
export function addIndexFunction(sql: DatabaseSync): void {
  sql.function('cosmos_key', { deterministic: true }, buildKeyFunction())
}

/** One item is asked for as many keys as there are indexes: its JSON is parsed once. */
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
