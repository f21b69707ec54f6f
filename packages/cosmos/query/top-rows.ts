import type { Work } from './evaluation/frame.ts'

/** What a row costs beside its text, and a parsed item in comparison with its text. */
const ROW_BYTES = 200
const BYTES_A_CHARACTER = 4

/** Of the rows that a page may give, so many bytes are kept before those that no page has room for are let go. */
const SOME_BYTES = 64 * 1024 * 1024

/** How many rows a page may need: those that OFFSET skips, and those that it gives. */
export interface Need {
  readonly skipped: number
  readonly given: number
  /** A page that holds so many characters takes no more rows. */
  readonly characters: number
}

/** Keeps the first so many of all that it is given, by an order. */
export class TopRows<Row extends { readonly text: string }> {
  readonly #need: Need
  readonly #compare: (a: Row, b: Row) => number
  readonly #work: Work
  #rows: Row[] = []
  #bytes = 0
  /** Whether there were more. */
  cut = false

  constructor(need: Need, compare: (a: Row, b: Row) => number, work: Work) {
    this.#need = need
    this.#compare = compare
    this.#work = work
  }

  add(row: Row): void {
    this.#rows.push(row)
    this.#work.keep(bytesOf(row))
    this.#bytes += bytesOf(row)
    // Not at each row: to sort twice as many once in a while costs less.
    const { skipped, given } = this.#need
    if (this.#rows.length >= (skipped + given) * 2 + 100 || this.#bytes > SOME_BYTES) this.#trim()
  }

  sorted(): readonly Row[] {
    this.#trim()
    return this.#rows
  }

  #trim(): void {
    this.#rows.sort(this.#compare)
    const rest = this.#rows.splice(this.#needed())
    this.#bytes = 0
    if (rest.length === 0) return
    this.cut = true
    this.#work.keep(-rest.reduce((sum, row) => sum + bytesOf(row), 0))
  }

  #needed(): number {
    const { skipped, given, characters } = this.#need
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

const bytesOf = ({ text }: { readonly text: string }): number => text.length * BYTES_A_CHARACTER + ROW_BYTES
