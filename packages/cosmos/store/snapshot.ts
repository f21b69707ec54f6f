import { statSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { Statements } from './statements.ts'

/** What is read from: the data as they are, or as they were at a moment. */
export interface ReadSource {
  /** The number of the last write in them. */
  readonly lsn: number
  /** A statement for whoever keeps it. */
  compile(text: string): StatementSync
  /** A statement, compiled once for as long as it is in use. */
  prepare(text: string): StatementSync
}

/**
 * The data as they were at a moment, while writes go on. It is a read transaction that stays open: SQLite
 * keeps what it sees, and what is written since stays in the write-ahead log
 * (https://www.sqlite.org/wal.html#concurrency). So it costs no memory, and the log is bounded here.
 */
export class Snapshot implements ReadSource {
  readonly lsn: number
  readonly #sql: DatabaseSync
  readonly #statements: Statements
  readonly #log: string
  readonly #maxLogBytes: number

  /**
   * @param lsn the number of the last write, at this moment.
   * @param maxGrowth it ends when the log has grown by so many bytes.
   */
  constructor(path: string, lsn: number, maxGrowth: number) {
    this.lsn = lsn
    this.#log = `${path}-wal`
    this.#maxLogBytes = this.#logBytes() + maxGrowth
    this.#sql = new DatabaseSync(path, { readOnly: true })
    this.#statements = new Statements(this.#sql)
    // A transaction sees the moment of its first read, not that of its beginning.
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

  /** Ends it when the log is too large. After each commit. */
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
