import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { StartError } from '../../kit/errors.ts'
import { makeIndexTables } from './indexes.ts'

/** Of the tables below. Data of another version is not touched. */
const SCHEMA_VERSION = 2

/**
 * `items.number` is the table's rowid: items are appended to it whatever their key, and the indexes hold eight bytes for each. `pk` is the
 * JSON array of the partition key's components, `epk` its effective partition key.
 */
const SCHEMA = `
  CREATE TABLE databases (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL);
  CREATE TABLE containers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL REFERENCES databases ON DELETE CASCADE,
    id TEXT NOT NULL, settings TEXT NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL, UNIQUE (database, id));
  CREATE TABLE items (
    number INTEGER PRIMARY KEY, container INTEGER NOT NULL REFERENCES containers ON DELETE CASCADE, pk TEXT NOT NULL, id TEXT NOT NULL,
    epk TEXT NOT NULL, lsn INTEGER NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL, expires INTEGER, body TEXT NOT NULL);
  CREATE UNIQUE INDEX items_by_key ON items (container, pk, id);
  CREATE INDEX items_by_lsn ON items (container, lsn);
  CREATE INDEX items_by_expiry ON items (expires) WHERE expires IS NOT NULL;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counters VALUES ('lsn', 0), ('item', 0);
`

/** Texts of statements are few but for the queries that clients think of. */
const MAX_STATEMENTS = 200

/**
 * The endpoint's file: SQLite in WAL mode, every commit on disk before it is answered (`synchronous=FULL`). Writes that arrive in one
 * turn of the event loop share a commit; each has a savepoint, so that one's failure is its own.
 */
export class Store {
  readonly #sql: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  /** Each runs one write and returns how it is settled. */
  #jobs: (() => () => void)[] = []
  #lsn: number
  #item: number
  #closed = false

  /** @throws StartError for a folder or a file that cannot be used, or data of a newer version. */
  constructor(dataDir: string) {
    try {
      mkdirSync(dataDir, { recursive: true })
      this.#sql = new DatabaseSync(join(dataDir, 'cosmos.sqlite'))
      this.#makeTables()
      this.#lsn = this.#counter('lsn')
      this.#item = this.#counter('item')
    } catch (error) {
      throw new StartError(`the data folder ${dataDir} cannot be used: ${(error as Error).message}`)
    }
  }

  /** The number of the last write. */
  get lsn(): number {
    return this.#lsn
  }

  /** A number that no item had before. Within a write. */
  nextItem(): number {
    this.#item += 1
    return this.#item
  }

  /** A statement, compiled once for as long as it is in use. */
  prepare(text: string): StatementSync {
    const statement = this.#statements.get(text) ?? this.#sql.prepare(text)
    // Put last: the first of the map is the one not used for longest.
    this.#statements.delete(text)
    this.#statements.set(text, statement)
    const [oldest] = this.#statements.keys()
    if (this.#statements.size > MAX_STATEMENTS && oldest !== undefined) this.#statements.delete(oldest)
    return statement
  }

  /**
   * Runs a write in the next commit, and settles with what it returned or threw once that is on disk.
   * @param task is given the write's LSN, which all that it changes shares. What it changed is undone when it throws.
   */
  write<Result>(task: (lsn: number) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('the store is closed')
      this.#jobs.push(() => {
        const [lsn, item] = [this.#lsn, this.#item]
        this.prepare('SAVEPOINT job').run()
        try {
          this.#lsn += 1
          const result = task(this.#lsn)
          this.prepare('RELEASE job').run()
          return () => resolve(result)
        } catch (error) {
          // SQLite gave the whole transaction up, as it does on a full disk.
          if (!this.#sql.isTransaction) throw error
          this.prepare('ROLLBACK TO job').run()
          this.prepare('RELEASE job').run()
          this.#lsn = lsn
          this.#item = item
          return () => reject(error)
        }
      })
      if (this.#jobs.length === 1) setImmediate(() => this.#commit())
    })
  }

  /** Commits what waits, and closes the file. */
  close(): void {
    this.#commit()
    this.#closed = true
    this.#sql.close()
  }

  #commit(): void {
    const jobs = this.#jobs
    if (jobs.length === 0) return
    this.#jobs = []
    let settled: (() => void)[]
    try {
      this.prepare('BEGIN IMMEDIATE').run()
      settled = jobs.map((job) => job())
      this.prepare("UPDATE counters SET value = iif(name = 'lsn', ?, ?)").run(this.#lsn, this.#item)
      this.prepare('COMMIT').run()
    } catch (error) {
      // Whether it is on disk (a full one, say) is not known: nothing is answered, and the next start finds out.
      console.error(`the data file cannot be written, so this process ends: ${(error as Error).message}`)
      process.exit(1)
    }
    for (const settle of settled) settle()
  }

  #makeTables(): void {
    const { user_version: version } = this.#sql.prepare('PRAGMA user_version').get() as { user_version: number }
    if (version > SCHEMA_VERSION)
      throw new Error(`its data is of a newer version (${version}): use that version, or another folder`)
    if (version !== 0 && version < SCHEMA_VERSION)
      throw new Error(`its data is of an older version (${version}): start afresh, or use another folder`)
    // Only now: to change the journal's mode is to write.
    this.#sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    if (version === 0) this.#sql.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
    makeIndexTables(this.#sql)
  }

  #counter(name: string): number {
    return (this.prepare('SELECT value FROM counters WHERE name = ?').get(name) as { value: number }).value
  }
}

export const newEtag = (): string => `"${randomUUID()}"`
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)
