import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { GENESIS } from './event-hash.ts'
import { type ArchivedItem, type CheckedSegment, NO_STREAM } from './segment.ts'

/** An archived item, its stream and its segment. */
export interface IndexedItem extends ArchivedItem {
  readonly stream: string
  readonly segment: number
}

const TABLE = `
  PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE;
  CREATE TABLE groups (stream TEXT NOT NULL, segment INTEGER NOT NULL, count INTEGER NOT NULL,
    first INTEGER, last INTEGER, previous TEXT, hash TEXT, items TEXT NOT NULL);
  CREATE TABLE seen (stream TEXT PRIMARY KEY) WITHOUT ROWID;`
/** Streams with a group that has something else than linked commits, or does not follow the group before. */
const BROKEN = `
  SELECT DISTINCT stream FROM (
    SELECT stream, first, previous, lag(last, 1, 0) OVER ordered AS version,
      lag(hash, 1, '${GENESIS}') OVER ordered AS hash
    FROM groups WINDOW ordered AS (PARTITION BY stream ORDER BY rowid))
  WHERE first IS NOT version + 1 OR previous IS NOT hash
  ORDER BY stream`

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
    this.#insert = this.#sql.prepare('INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  }

  /** Adds the items of a segment. Add the segments in order, and all of them before anything is read. */
  add({ number, groups }: CheckedSegment): void {
    this.#sql.exec('BEGIN')
    for (const { stream, count, items, links } of groups) {
      const { from = null, to = null, previousHash = null, hash = null } = links ?? {}
      this.#insert.run(stream, number, count, from, to, previousHash, hash, items)
    }
    this.#sql.exec('COMMIT')
  }

  /** The archived items of a stream, in the order in which they were archived. */
  items(stream: string): readonly IndexedItem[] {
    this.#ofStream ??= this.#order().prepare('SELECT segment, items FROM groups WHERE stream = ? ORDER BY rowid')
    return this.#ofStream.all(stream).flatMap(({ segment, items }) => unpack(stream, Number(segment), String(items)))
  }

  /** Notes that the log has a stream. */
  see(stream: string): void {
    this.#see ??= this.#order().prepare('INSERT OR IGNORE INTO seen VALUES (?)')
    this.#see.run(stream)
  }

  /** The streams that the log was not seen to have: how many items each has, and in which segments. */
  *unseen(): Iterable<{ readonly stream: string; readonly items: number; readonly from: number; readonly to: number }> {
    const query = `SELECT stream, sum(count) AS items, min(segment) AS "from", max(segment) AS "to" FROM groups
      WHERE stream NOT IN (SELECT stream FROM seen) AND stream <> '${NO_STREAM}' GROUP BY stream`
    for (const { stream, items, from, to } of this.#order().prepare(query).iterate())
      yield { stream: String(stream), items: Number(items), from: Number(from), to: Number(to) }
  }

  /** The streams that are not a chain of commits and nothing else: they may have a fault. */
  *broken(): Iterable<string> {
    for (const { stream } of this.#order().prepare(BROKEN).iterate()) yield String(stream)
  }

  close(): void {
    this.#sql.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #order(): DatabaseSync {
    this.#sql.exec('CREATE INDEX IF NOT EXISTS by_stream ON groups (stream)')
    return this.#sql
  }
}

function unpack(stream: string, segment: number, items: string): IndexedItem[] {
  return (JSON.parse(items) as ArchivedItem[]).map((item) => ({ ...item, stream, segment }))
}
