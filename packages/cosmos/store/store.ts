import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { StartError } from '../../kit/errors.ts'
import { Counters } from './counters.ts'
import { isDamage } from './damage.ts'
import { openDataFile } from './data-file.ts'
import { addIndexFunction, INDEXES } from './indexes.ts'
import { type ReadSource, Snapshot } from './snapshot.ts'
import { Statements } from './statements.ts'

/** The version of the tables below. Data of another version is not touched. */
const SCHEMA_VERSION = 2

/**
 * `items.number` is the rowid of the table: new items go to its end whatever their key, and the indexes need
 * eight bytes for each. `pk` is the JSON array of the partition key's components, `epk` its effective
 * partition key.
 */
const SCHEMA = `
  CREATE TABLE databases (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL);
  CREATE TABLE containers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL REFERENCES databases ON DELETE CASCADE,
    id TEXT NOT NULL, settings TEXT NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL, UNIQUE (database, id));
  CREATE TABLE ranges (
    container INTEGER NOT NULL REFERENCES containers ON DELETE CASCADE, id INTEGER NOT NULL,
    min TEXT NOT NULL, max TEXT NOT NULL,
    parents TEXT NOT NULL, live INTEGER NOT NULL, PRIMARY KEY (container, id)) WITHOUT ROWID;
  CREATE TABLE offers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER REFERENCES databases ON DELETE CASCADE,
    container INTEGER REFERENCES containers ON DELETE CASCADE,
    content TEXT NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL);
  CREATE TABLE items (
    number INTEGER PRIMARY KEY, container INTEGER NOT NULL REFERENCES containers ON DELETE CASCADE,
    pk TEXT NOT NULL, id TEXT NOT NULL, epk TEXT NOT NULL, lsn INTEGER NOT NULL, ts INTEGER NOT NULL,
    etag TEXT NOT NULL, expires INTEGER, body TEXT NOT NULL);
  CREATE UNIQUE INDEX items_by_key ON items (container, pk, id);
  CREATE INDEX items_by_lsn ON items (container, lsn);
  CREATE INDEX items_by_expiry ON items (expires) WHERE expires IS NOT NULL;
  CREATE TABLE unique_values (
    container INTEGER NOT NULL, pk TEXT NOT NULL, key INTEGER NOT NULL, value TEXT NOT NULL,
    item INTEGER NOT NULL REFERENCES items ON DELETE CASCADE, PRIMARY KEY (container, pk, key, value)) WITHOUT ROWID;
  CREATE INDEX unique_values_by_item ON unique_values (item);
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counters VALUES ('lsn', 0), ('item', 0);
  ${INDEXES}
`

/** The page cache. SQLite's default of 2 MB would ask the operating system for nearly every item. */
const CACHE_KB = 64 * 1024

interface StoreOptions {
  /** Acknowledges writes before they are on disk. They survive the end of the process, not of the machine. */
  readonly fast?: boolean | undefined
}

/**
 * The emulator's data file: SQLite in WAL mode, with every commit on disk before it is answered
 * (`synchronous=FULL`). Writes that arrive in one turn of the event loop share a commit. Each has a
 * savepoint, so its failure does not affect the others.
 */
export class Store implements ReadSource {
  readonly #sql: DatabaseSync
  readonly #statements: Statements
  readonly #snapshots = new Set<Snapshot>()
  /** Each runs one write and returns what settles it. */
  #jobs: (() => () => void)[] = []
  readonly #indexed: Set<number>
  readonly #counters: Counters
  #closed = false
  readonly #savepoint: StatementSync
  readonly #release: StatementSync
  readonly #rollBack: StatementSync
  readonly #begin: StatementSync
  readonly #commitAll: StatementSync
  readonly path: string
  /** Whether all of the file was checked when it was opened. A large one is not. */
  readonly checked: boolean

  /** @throws StartError when the folder or the file cannot be used, or the data is of another version. */
  constructor(dataDir: string, { fast = false }: StoreOptions = {}) {
    this.path = join(dataDir, 'cosmos.sqlite')
    try {
      mkdirSync(dataDir, { recursive: true })
      const { sql, checked } = openDataFile(this.path, { version: SCHEMA_VERSION, sql: SCHEMA })
      this.#sql = sql
      this.#statements = new Statements(sql)
      this.checked = checked
      this.#prepareTables(fast)
      this.#indexed = new Set(
        sql
          .prepare('SELECT DISTINCT container FROM indexes')
          .all()
          .map(({ container }) => Number(container)),
      )
      this.#counters = new Counters(sql)
      this.#savepoint = sql.prepare('SAVEPOINT job')
      this.#release = sql.prepare('RELEASE job')
      this.#rollBack = sql.prepare('ROLLBACK TO job')
      this.#begin = sql.prepare('BEGIN IMMEDIATE')
      this.#commitAll = sql.prepare('COMMIT')
    } catch (error) {
      throw new StartError(`the data folder ${dataDir} cannot be used: ${(error as Error).message}`)
    }
  }

  /** The number of the last write. */
  get lsn(): number {
    return this.#counters.lsn
  }

  /** A number that no item had before. Runs within a write. */
  nextItemNumber(): number {
    this.#counters.item += 1
    return this.#counters.item
  }

  /** Whether a container has indexes, so that its items need entries in them. */
  hasIndexes(container: number): boolean {
    return this.#indexed.has(container)
  }

  /** Records that a container has indexes. Runs within the write that creates the first one. */
  recordIndexed(container: number): void {
    this.#indexed.add(container)
  }

  /** A statement that the caller stores. */
  compile(text: string): StatementSync {
    return this.#sql.prepare(text)
  }

  /** A statement that is compiled once and cached. */
  prepare(text: string): StatementSync {
    return this.#statements.prepare(text)
  }

  /** The data as of now, until it is closed or the log has grown by more than this many bytes. */
  snapshot(maxGrowth: number): Snapshot {
    for (const snapshot of this.#snapshots) if (!snapshot.isOpen) this.#snapshots.delete(snapshot)
    const snapshot = new Snapshot(this.path, this.lsn, maxGrowth)
    this.#snapshots.add(snapshot)
    return snapshot
  }

  /**
   * Runs a write in the next commit. Settles with its result or error once the commit is on disk.
   * @param task gets the write's LSN, which all its changes share. Its changes are undone when it throws.
   */
  write<Result>(task: (lsn: number) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new Error('the store is closed')
      this.#jobs.push(() => {
        const counters = this.#counters
        const { lsn } = counters
        this.#savepoint.run()
        try {
          counters.lsn += 1
          const result = task(counters.lsn)
          this.#release.run()
          return () => resolve(result)
        } catch (error) {
          // SQLite has undone the whole transaction, as on a full disk, or the data cannot be trusted.
          if (!this.#sql.isTransaction || isDamage(error)) throw error
          this.#rollBack.run()
          this.#release.run()
          counters.lsn = lsn
          return () => reject(error)
        }
      })
      if (this.#jobs.length === 1) setImmediate(() => this.#commit())
    })
  }

  /** Commits the writes that wait, and closes the file. */
  close(): void {
    this.#commit()
    // Before this connection: the last one to close empties the log.
    for (const snapshot of this.#snapshots) snapshot.close()
    this.#counters.close()
    this.#closed = true
    this.#sql.close()
  }

  #commit(): void {
    const jobs = this.#jobs
    if (jobs.length === 0) return
    this.#jobs = []
    let settled: (() => void)[]
    try {
      this.#begin.run()
      settled = jobs.map((job) => job())
      this.#counters.reserve()
      this.#commitAll.run()
    } catch (error) {
      // It is unknown whether the commit is on disk. Nothing is answered, and the next start finds out.
      console.error(`the data file cannot be written, so this process ends: ${(error as Error).message}`)
      process.exit(1)
    }
    for (const snapshot of this.#snapshots) snapshot.checkLog()
    for (const settle of settled) settle()
  }

  #prepareTables(fast: boolean): void {
    this.#sql.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON')
    this.#sql.exec(`PRAGMA cache_size = -${CACHE_KB}`)
    this.#sql.exec(`PRAGMA synchronous = ${fast ? 'OFF' : 'FULL'}`)
    addIndexFunction(this.#sql)
  }
}

export const newEtag = (): string => `"${randomUUID()}"`
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)
