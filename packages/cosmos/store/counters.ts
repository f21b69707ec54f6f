import type { DatabaseSync, StatementSync } from 'node:sqlite'

/** So many numbers are reserved at once: to write them down with each commit would be one more page to write. */
const AHEAD = 10_000

/**
 * The numbers of writes and of items, none of which is ever given twice: what a process that was killed had
 * reserved and not used is left out.
 */
export class Counters {
  /** Of the last write. */
  lsn: number
  /** Of the item made last. */
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

  /** Within the commit that is the first to use what is not reserved. */
  reserve(): void {
    if (this.lsn <= this.#reserved.lsn && this.item <= this.#reserved.item) return
    this.#keep(this.lsn + AHEAD, this.item + AHEAD)
  }

  /** Gives back what was not used, at an orderly end. */
  close(): void {
    this.#keep(this.lsn, this.item)
  }

  #keep(lsn: number, item: number): void {
    this.#save.run(lsn, item)
    this.#reserved = { lsn, item }
  }
}
