import { compareTexts, compareValues } from '../../values/values.ts'
import type { Term } from '../compile/queries.ts'

/** Where a row stands among those of its query. */
export interface Position {
  /** Its item's values of what rows are ordered by. */
  readonly order: readonly unknown[]
  /** Its item's number, which the rid holds: where rows are ordered, it tells apart those of the same values. */
  readonly number: number
  /** Its item's key and id: where they are not. */
  readonly pk: string
  readonly id: string
  /** Which of the rows that FROM and JOIN make of the item it is; undefined: after all of them, -1: before all. */
  readonly place: number | undefined
}

/**
 * The direction that rows of the same values come in by their numbers. A client that goes on with a query
 * over several ranges skips by it what it was given: @azure/cosmos, RidSkipCountFilter;
 * azure-cosmos-dotnet-v3, OrderByCrossPartitionQueryPipelineStage.
 */
export const tiesDescend = (terms: readonly Term[]): boolean => terms.some(({ descending }) => descending)

/**
 * By what rows are ordered by, then by number; without an order by key and id; then by the place among the
 * item's rows. No two rows are equal.
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
