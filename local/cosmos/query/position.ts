import type { Term } from './compile/queries.ts'
import { compareTexts, compareValues } from './values.ts'

/** Where a row stands among those of its query. */
export interface Position {
  /** Its item's values of what rows are ordered by. */
  readonly order: readonly unknown[]
  readonly pk: string
  readonly id: string
  /** Which of the rows that FROM and JOIN make of the item it is; undefined: after all of them. */
  readonly place: number | undefined
}

/**
 * By what rows are ordered by; then by key and id, in the direction of the first term, so that an index read backwards gives that order; then
 * by the place among the item's rows. No two rows are equal.
 */
export function comparePositions(terms: readonly Term[], a: Position, b: Position): number {
  const order = compareOrder(terms, a.order, b.order)
  if (order !== 0) return order
  const key = compareTexts(a.pk, b.pk) || compareTexts(a.id, b.id)
  if (key !== 0) return terms[0]?.descending ? -key : key
  return (a.place ?? Number.POSITIVE_INFINITY) - (b.place ?? Number.POSITIVE_INFINITY) || 0
}

export function compareOrder(terms: readonly Term[], a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, { descending }] of terms.entries()) {
    const order = compareValues(a[index], b[index])
    if (order !== 0) return descending ? -order : order
  }
  return 0
}
