import { statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Statements } from './statements.ts'

/** Data to read: as they are now, or as they were at one moment. */
export interface ReadSource {
  /** The number of the last write in the data. */
  readonly lsn: number
  /** A statement that the caller stores. */
  compile(text: string): StatementSync
  /** A statement that is compiled once and cached. */
  prepare(text: string): StatementSync
}

/**
 * The data of one moment, while writes go on. It is an open read transaction: SQLite retains what it sees,
 * and later writes stay in the write-ahead log (https://www.sqlite.org/wal.html#concurrency). So it needs no
 * memory, and only the growth of the log is limited.
 */
export class Snapshot implements ReadSource {
  readonly lsn: number
  readonly #sql: DatabaseSync
  readonly #statements: Statements
  readonly #log: string
  readonly #maxLogBytes: number

  /**
   * @param lsn the number of the last write at this moment.
   * @param maxGrowth bytes: the snapshot ends when the log has grown by more.
   */
  constructor(path: string, lsn: number, maxGrowth: number) {
    this.lsn = lsn
    this.#log = `${path}-wal`
    this.#maxLogBytes = this.#logBytes() + maxGrowth
    this.#sql = new DatabaseSync(path, { readOnly: true })
    this.#statements = new Statements(this.#sql)
    // A transaction sees the data as of its first read, not as of its BEGIN.
    this.#sql.exec('BEGIN; SELECT 1 FROM counters')
  }

  get isOpen(): boolean {
    return this.#sql.isOpen
  }

  compile(text: string): StatementSync {
    return this.#sql.prepare(text)
  }

  prepare(text: string): StatementSync {
    return this.#statements.prepare(text)
  }

  /** Ends the snapshot when the log is too large. Runs after each commit. */
  checkLog(): void {
    if (this.isOpen && this.#logBytes() > this.#maxLogBytes) this.close()
  }

  close(): void {
    if (this.isOpen) this.#sql.close()
  }

  #logBytes(): number {
    return statSync(this.#log, { throwIfNoEntry: false })?.size ?? 0
  }
}
