import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../kit/errors.ts'

/** Of the tables below. Data of a newer version is not touched. */
const SCHEMA_VERSION = 1

const SCHEMA = `
  CREATE TABLE databases (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL);
  CREATE TABLE containers (
    number INTEGER PRIMARY KEY AUTOINCREMENT, database INTEGER NOT NULL REFERENCES databases ON DELETE CASCADE,
    id TEXT NOT NULL, settings TEXT NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL, UNIQUE (database, id));
  CREATE TABLE items (
    container INTEGER NOT NULL REFERENCES containers ON DELETE CASCADE, pk TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL,
    lsn INTEGER NOT NULL, ts INTEGER NOT NULL, etag TEXT NOT NULL, expires INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (container, pk, id)) WITHOUT ROWID;
  CREATE INDEX items_by_lsn ON items (container, lsn);
  CREATE INDEX items_by_expiry ON items (expires) WHERE expires IS NOT NULL;
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counters VALUES ('lsn', 0), ('item', 0);
`

interface Job {
  run(): void
  settle(): void
}

/**
 * The endpoint's file: SQLite in WAL mode, every commit on disk before it is answered (`synchronous=FULL`). Writes that arrive in one
 * turn of the event loop share a commit; each has a savepoint, so that one's failure is its own.
 */
export class Store {
  readonly sql: DatabaseSync
  #jobs: Job[] = []
  #scheduled = false
  #lsn: number
  #item: number

  /** @throws StartError for a folder that cannot be written, or data of a newer version. */
  constructor(dataDir: string) {
    try {
      mkdirSync(dataDir, { recursive: true })
      this.sql = new DatabaseSync(join(dataDir, 'cosmos.sqlite'))
      this.sql.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON')
    } catch (error) {
      throw new StartError(`the data folder ${dataDir} cannot be used: ${(error as Error).message}`)
    }
    const { user_version: version } = this.sql.prepare('PRAGMA user_version').get() as { user_version: number }
    if (version > SCHEMA_VERSION) {
      this.sql.close()
      throw new StartError(
        `the data in ${dataDir} is of a newer version (${version}): use that version, or another folder`,
      )
    }
    if (version === 0) this.sql.exec(`BEGIN; ${SCHEMA} PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`)
    this.#lsn = this.#counter('lsn')
    this.#item = this.#counter('item')
  }

  /** The number of the last write. */
  get lsn(): number {
    return this.#lsn
  }

  /** A new LSN: one for each request that writes, its batch included. */
  nextLsn(): number {
    this.#lsn += 1
    return this.#lsn
  }

  nextItem(): number {
    this.#item += 1
    return this.#item
  }

  /** Runs a write in the next commit, and settles with what it returned or threw once that is on disk. */
  write<Result>(task: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      let settle = (): void => {}
      this.#jobs.push({
        run: () => {
          this.sql.exec('SAVEPOINT job')
          try {
            const result = task()
            settle = () => resolve(result)
          } catch (error) {
            this.sql.exec('ROLLBACK TO job')
            settle = () => reject(error)
          }
          this.sql.exec('RELEASE job')
        },
        settle: () => settle(),
      })
      if (!this.#scheduled) {
        this.#scheduled = true
        setImmediate(() => this.#commit())
      }
    })
  }

  close(): void {
    this.#commit()
    this.sql.close()
  }

  #commit(): void {
    const jobs = this.#jobs
    this.#jobs = []
    this.#scheduled = false
    if (jobs.length === 0) return
    this.sql.exec('BEGIN IMMEDIATE')
    for (const job of jobs) job.run()
    this.#saveCounter('lsn', this.#lsn)
    this.#saveCounter('item', this.#item)
    // A commit that fails (a full disk) must not be answered as one that did not: the process ends, and recovery decides.
    this.sql.exec('COMMIT')
    for (const job of jobs) job.settle()
  }

  #counter(name: string): number {
    return (this.sql.prepare('SELECT value FROM counters WHERE name = ?').get(name) as { value: number }).value
  }

  #saveCounter(name: string, value: number): void {
    this.sql.prepare('UPDATE counters SET value = ? WHERE name = ?').run(value, name)
  }
}

export const newEtag = (): string => `"${randomUUID()}"`
export const nowSeconds = (): number => Math.floor(Date.now() / 1000)
