import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** How many numbers are reserved at once: saving them with each commit would write one more page. */
const AHEAD = 10_000

/**
 * The numbers of writes and of items. None is given twice: a killed process leaves a gap of reserved numbers.
 */
export class Counters {
  /** The number of the last write. */
  lsn: number
  /** The number of the newest item. */
  item: number
  #reserved: { lsn: number; item: number }
  readonly #save: StatementSync

  constructor(sql: DatabaseSync) {
    const read = sql.prepare('SELECT value FROM counters WHERE name = ?')
    this.lsn = Number(read.get('lsn')?.value)
    this.item = Number(read.get('item')?.value)
    this.#reserved = { lsn: this.lsn, item: this.item }
    this.#save = sql.prepare("UPDATE counters SET value = iif(name = 'lsn', ?, ?)")
  }

  /** Reserves numbers. Runs within the commit that first uses unreserved ones. */
  reserve(): void {
    if (this.lsn <= this.#reserved.lsn && this.item <= this.#reserved.item) return
    this.#keep(this.lsn + AHEAD, this.item + AHEAD)
  }

  /** Returns unused numbers at an orderly stop. */
  close(): void {
    this.#keep(this.lsn, this.item)
  }

  #keep(lsn: number, item: number): void {
    this.#save.run(lsn, item)
    this.#reserved = { lsn, item }
  }
}
