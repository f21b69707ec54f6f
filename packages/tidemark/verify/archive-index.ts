import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type ArchivedItem, type CheckedSegment, NO_STREAM } from './segment.ts'

/** An archived item and its segment. */
export interface IndexedItem extends ArchivedItem {
  readonly segment: number
}

const TABLE = `
  PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
  CREATE TABLE items (stream TEXT NOT NULL, id TEXT NOT NULL, content TEXT NOT NULL, first INTEGER, last INTEGER,
    previous TEXT, hash TEXT, segment INTEGER NOT NULL);
  CREATE TABLE seen (stream TEXT PRIMARY KEY) WITHOUT ROWID;`

/**
 * The items of an archive by stream, in a file of the temporary folder: an archive has them in the order of time,
 * and may have more than memory holds.
 */
export class ArchiveIndex {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-verify-'))
  readonly #sql = new DatabaseSync(join(this.#folder, 'archive.sqlite'))
  readonly #insert: StatementSync
  #ofStream: StatementSync | undefined
  #see: StatementSync | undefined

  constructor() {
    this.#sql.exec(TABLE)
    this.#insert = this.#sql.prepare('INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  }

  /** Adds the items of a segment. Add the segments in order, and all of them before anything is read. */
  add({ number, items }: CheckedSegment): void {
    this.#sql.exec('BEGIN')
    for (const { stream, id, content, from, to, previousHash, hash } of items)
      this.#insert.run(stream, id, content, from ?? null, to ?? null, previousHash ?? null, hash ?? null, number)
    this.#sql.exec('COMMIT')
  }

  /** The archived items of a stream, in the order in which they were archived. */
  items(stream: string): readonly IndexedItem[] {
    this.#ofStream ??= this.#order().prepare('SELECT * FROM items WHERE stream = ? ORDER BY rowid')
    return this.#ofStream.all(stream).map(toItem)
  }

  /** Notes that the log has a stream. */
  see(stream: string): void {
    this.#see ??= this.#order().prepare('INSERT OR IGNORE INTO seen VALUES (?)')
    this.#see.run(stream)
  }

  /** The streams that the log was not seen to have: how many items each has, and in which segments. */
  *unseen(): Iterable<{ readonly stream: string; readonly items: number; readonly from: number; readonly to: number }> {
    const query = `SELECT stream, count(*) AS items, min(segment) AS "from", max(segment) AS "to" FROM items
      WHERE stream NOT IN (SELECT stream FROM seen) AND stream <> '${NO_STREAM}' GROUP BY stream`
    for (const { stream, items, from, to } of this.#order().prepare(query).iterate())
      yield { stream: String(stream), items: Number(items), from: Number(from), to: Number(to) }
  }

  /** The items of every stream, one stream after the other, each in the order in which it was archived. */
  *streams(): Iterable<readonly IndexedItem[]> {
    let items: IndexedItem[] = []
    for (const row of this.#order().prepare('SELECT * FROM items ORDER BY stream, rowid').iterate()) {
      const item = toItem(row)
      if (items.length > 0 && items[0]?.stream !== item.stream) {
        yield items
        items = []
      }
      items.push(item)
    }
    if (items.length > 0) yield items
  }

  close(): void {
    this.#sql.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #order(): DatabaseSync {
    this.#sql.exec('CREATE INDEX IF NOT EXISTS by_stream ON items (stream)')
    return this.#sql
  }
}

function toItem(row: Readonly<Record<string, unknown>>): IndexedItem {
  const { stream, id, content, first, last, previous, hash, segment } = row
  return {
    ...{ stream: String(stream), id: String(id), content: String(content), segment: Number(segment) },
    ...(first === null ? {} : { from: Number(first) }),
    ...(last === null ? {} : { to: Number(last), previousHash: String(previous), hash: String(hash) }),
  }
}
