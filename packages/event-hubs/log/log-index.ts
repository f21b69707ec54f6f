import type { RecordHead } from './log-record.ts'
import type { StartPosition } from './start-position.ts'

const SPACING = 64 * 1024

/** An index with one entry per 64 KiB of a segment. A reader finds the records in between by reading on. */
export class SparseIndex {
  readonly #positions: number[] = []
  readonly #sequences: number[] = []
  readonly #times: number[] = []

  /** Adds a record. Call it in record order; most records get no entry. */
  add(position: number, head: RecordHead): void {
    const last = this.#positions.at(-1)
    if (last !== undefined && position - last < SPACING) return
    this.#positions.push(position)
    this.#sequences.push(head.sequence)
    this.#times.push(head.time)
  }

  /**
   * Returns the position of the last entry before the first event of `start`; undefined if that event may be
   * in the first record.
   */
  find(start: StartPosition): number | undefined {
    const keys = start.key === 'offset' ? this.#positions : start.key === 'sequence' ? this.#sequences : this.#times
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((keys[middle] ?? 0) < start.min) low = middle + 1
      else high = middle
    }
    return this.#positions[low - 1]
  }
}
