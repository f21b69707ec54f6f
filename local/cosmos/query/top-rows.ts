import type { Work } from './frame.ts'

/** What a row costs beside its text, and a parsed item in comparison with its text. */
const ROW_BYTES = 200
const BYTES_A_CHARACTER = 4

/** Keeps the first so many of all that it is given, by an order. */
export class TopRows<Row extends { readonly text: string }> {
  readonly #most: number
  readonly #compare: (a: Row, b: Row) => number
  readonly #work: Work
  #rows: Row[] = []
  /** Whether there were more. */
  cut = false

  constructor(most: number, compare: (a: Row, b: Row) => number, work: Work) {
    this.#most = most
    this.#compare = compare
    this.#work = work
  }

  add(row: Row): void {
    this.#rows.push(row)
    this.#work.keep(bytesOf(row))
    // Not at each row: to sort twice as many once in a while costs less.
    if (this.#rows.length >= this.#most * 2 + 100) this.#trim()
  }

  sorted(): readonly Row[] {
    this.#trim()
    return this.#rows
  }

  #trim(): void {
    this.#rows.sort(this.#compare)
    const rest = this.#rows.slice(this.#most)
    if (rest.length === 0) return
    this.cut = true
    this.#rows.length = this.#most
    this.#work.keep(-rest.reduce((sum, row) => sum + bytesOf(row), 0))
  }
}

const bytesOf = ({ text }: { readonly text: string }): number => text.length * BYTES_A_CHARACTER + ROW_BYTES
