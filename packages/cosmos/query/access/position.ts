import { compareTexts, compareValues } from '../../values/values.ts'
import type { Term } from '../compile/queries.ts'

/** The place of a row among those of its query. */
export interface Position {
  /** Its item's values for the order of rows. */
  readonly order: readonly unknown[]
  /** Its item's number, which the rid contains. With an order, it tells apart rows with equal values. */
  readonly number: number
  /** Its item's key and id, which order the rows without ORDER BY. */
  readonly pk: string
  readonly id: string
  /**
   * Its place among the rows that FROM and JOIN make from the item; undefined: after all of them, -1: before
   * all.
   */
  readonly place: number | undefined
}

/**
 * Whether rows with equal values come by descending number. A client that resumes a query over several ranges
 * skips the rows it has in this direction: @azure/cosmos, RidSkipCountFilter; azure-cosmos-dotnet-v3,
 * OrderByCrossPartitionQueryPipelineStage.
 */
export const tiesDescend = (terms: readonly Term[]): boolean => terms.some(({ descending }) => descending)

/**
 * Compares by the order of rows, then by number. Without an order, compares by key and id. Last by the place
 * among the item's rows. No two rows are equal.
 */
export function comparePositions(terms: readonly Term[], a: Position, b: Position): number {
  const item =
    terms.length === 0
      ? compareTexts(a.pk, b.pk) || compareTexts(a.id, b.id)
      : compareOrder(terms, a.order, b.order) || (tiesDescend(terms) ? b.number - a.number : a.number - b.number)
  if (item !== 0) return item
  return (a.place ?? Number.POSITIVE_INFINITY) - (b.place ?? Number.POSITIVE_INFINITY) || 0
}

export function compareOrder(terms: readonly Term[], a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, { descending }] of terms.entries()) {
    const order = compareValues(a[index], b[index])
    if (order !== 0) return descending ? -order : order
  }
  return 0
}
