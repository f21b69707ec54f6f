import { queryFailure } from '../syntax/query-failure.ts'

/** A query's parameters, by their names with the `@`. */
export type Parameters = ReadonlyMap<string, unknown>

/** What a query's expressions read when they are evaluated. */
export interface Frame {
  /** The values of the aliases of FROM and JOIN by slot. */
  readonly values: unknown[]
  readonly parameters: Parameters
  /** For the current group: the values of the GROUP BY expressions, and of the aggregates. */
  readonly keys: readonly unknown[]
  readonly aggregates: readonly unknown[]
  readonly work: Work
}

export type Evaluate = (frame: Frame) => unknown

const MAX_ROWS = 2_000_000
const MAX_BYTES = 256 * 1024 * 1024
const MAX_VALUE = 4 * 1024 * 1024

/** Limits what one page of a query may cost, because one server answers all clients in turn. */
export class Work {
  /**
   * Milliseconds since 1970, when this page of the query was bound. The static time functions return it for
   * every item.
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

  /**
   * Counts an estimate of the bytes retained for ORDER BY, GROUP BY or DISTINCT. Less than 0 releases bytes.
   */
  keep(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > MAX_BYTES)
      throw queryFailure(`The query needs more than ${MAX_BYTES} bytes to order, group or tell apart its results.`)
  }

  /** @throws Failure 400 for a text or an array that is larger than any item can be. */
  checkSize(length: number): void {
    if (length > MAX_VALUE) throw queryFailure(`The query makes a value of more than ${MAX_VALUE} characters.`)
  }
}
