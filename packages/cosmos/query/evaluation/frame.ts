import { queryFailure } from '../syntax/query-failure.ts'

/** A query's parameters, by their names with the `@`. */
export type Parameters = ReadonlyMap<string, unknown>

/** What the expressions of a query are evaluated in. */
export interface Frame {
  /** The values of the aliases of FROM and JOIN, each in its slot. */
  readonly values: unknown[]
  readonly parameters: Parameters
  /** Of the group at hand: the values of the GROUP BY expressions, and of the aggregates. */
  readonly keys: readonly unknown[]
  readonly aggregates: readonly unknown[]
  readonly work: Work
}

export type Evaluate = (frame: Frame) => unknown

const MAX_ROWS = 2_000_000
const MAX_BYTES = 256 * 1024 * 1024
const MAX_VALUE = 4 * 1024 * 1024

/**
 * What one page of a query may cost this server, which answers all its clients in turn.
 */
export class Work {
  /**
   * Milliseconds since 1970, when this page of the query was bound: what the static functions of time answer
   * for each of its items.
   */
  readonly now: number
  #rows = 0
  #bytes = 0

  constructor(now: number) {
    this.now = now
  }

  /** Counts a row that a JOIN or a subquery makes. */
  countRow(): void {
    this.#rows += 1
    if (this.#rows > MAX_ROWS) throw queryFailure(`The query makes more than ${MAX_ROWS} rows of one page's items.`)
  }

  /** Counts what is kept for ORDER BY, GROUP BY or DISTINCT, an estimate in bytes; less than nothing is let go. */
  keep(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > MAX_BYTES)
      throw queryFailure(`The query needs more than ${MAX_BYTES} bytes to order, group or tell apart its results.`)
  }

  /** @throws Failure 400 for a text or an array that would be larger than any item can be. */
  checkSize(length: number): void {
    if (length > MAX_VALUE) throw queryFailure(`The query makes a value of more than ${MAX_VALUE} characters.`)
  }
}
