import type { Work } from './evaluation/frame.ts'

/** The cost of a row besides its text, and of a parsed item for each character of its text. */
const ROW_BYTES = 200
const BYTES_PER_CHARACTER = 4

/** When the rows take more than this, those that no page has room for are dropped. */
const TRIM_BYTES = 64 * 1024 * 1024

/** How many rows a page may need: those that OFFSET skips, and those that it returns. */
interface RowLimits {
  readonly skipped: number
  readonly given: number
  /** A page with this many characters takes no more rows. */
  readonly characters: number
}

/** Retains only the first rows, by an order. */
export class TopRows<Row extends { readonly text: string }> {
  readonly #limits: RowLimits
  readonly #compare: (a: Row, b: Row) => number
  readonly #work: Work
  #rows: Row[] = []
  #bytes = 0
  /** Whether rows were dropped. */
  hasMore = false

  constructor(limits: RowLimits, compare: (a: Row, b: Row) => number, work: Work) {
    this.#limits = limits
    this.#compare = compare
    this.#work = work
  }

  add(row: Row): void {
    this.#rows.push(row)
    this.#work.keep(estimateBytes(row))
    this.#bytes += estimateBytes(row)
    // Not at each row: sorting twice as many once in a while costs less.
    const { skipped, given } = this.#limits
    if (this.#rows.length >= (skipped + given) * 2 + 100 || this.#bytes > TRIM_BYTES) this.#trim()
  }

  sorted(): readonly Row[] {
    this.#trim()
    return this.#rows
  }

  #trim(): void {
    this.#rows.sort(this.#compare)
    const rest = this.#rows.splice(this.#countNeeded())
    this.#bytes = 0
    if (rest.length === 0) return
    this.hasMore = true
    this.#work.keep(-rest.reduce((sum, row) => sum + estimateBytes(row), 0))
  }

  #countNeeded(): number {
    const { skipped, given, characters } = this.#limits
    let length = 0
    for (const [index, { text }] of this.#rows.entries()) {
      if (index >= skipped + given) return index
      if (index < skipped) continue
      if (length >= characters) return index
      length += text.length
    }
    return this.#rows.length
  }
}

const estimateBytes = ({ text }: { readonly text: string }): number => text.length * BYTES_PER_CHARACTER + ROW_BYTES
