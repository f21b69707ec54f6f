// A model of request units, from what the vendor publishes:
// https://learn.microsoft.com/azure/cosmos-db/understand-request-unit-consumption. docs/compatibility.md says
// what is published and what is not.

/**
 * Published for one region and session consistency: KB, request units of a point read, and of a write without
 * indexing.
 */
const PUBLISHED: readonly (readonly [kilobytes: number, read: number, write: number])[] = [
  [1, 1, 4.95],
  [2, 1.04, 6.29],
  [4, 1.14, 6.67],
  [8, 1.33, 7.04],
  [16, 1.67, 9.52],
  [32, 2.19, 11.23],
  [64, 4.76, 22.67],
  [128, 9.95, 48.19],
  [256, 20.28, 98.29],
  [512, 40.95, 184.57],
  [1024, 145.9, 625],
  [2048, 291.8, 1250],
]
const PER_TERM = 0.2
const PER_PATCHED = 0.4
/** The cost of a query before it reads anything. Not published: the least in the vendor's examples. */
const QUERY = 2.3
/** For a request that found nothing or was refused, and for one on a database or a container. */
export const MIN_CHARGE = 1

/** The point read of an item of this many bytes. */
export const readCharge = (bytes: number): number => interpolateCharge(bytes, 1)

/**
 * What a write changes: the item's size before and after, and the index terms that only one of the two has.
 */
export interface Change {
  readonly bytesBefore?: number
  readonly bytesAfter?: number
  readonly terms: number
  /** The operations of a patch. */
  readonly patched?: number
}

export function writeCharge({ bytesBefore, bytesAfter, terms, patched = 0 }: Change): number {
  const sizes = [bytesBefore, bytesAfter].reduce<number>(
    (sum, bytes) => sum + (bytes === undefined ? 0 : interpolateCharge(bytes, 2)),
    0,
  )
  return sizes + PER_TERM * terms + PER_PATCHED * patched
}

/** A page of the change feed costs the point reads of its items. */
export const feedCharge = (items: readonly string[]): number =>
  Math.max(
    MIN_CHARGE,
    items.reduce((sum, json) => sum + readCharge(Buffer.byteLength(json)), 0),
  )

/** A page of a query costs the point read of one item with all that the page read. */
export const queryCharge = (loadedBytes: number): number => QUERY + (loadedBytes === 0 ? 0 : readCharge(loadedBytes))

/** Two digits, as in the service's answers. */
export const formatCharge = (charge: number): string => String(Math.round(charge * 100) / 100)

/** Interpolates between two sizes of the table. Beyond the table, its last row in proportion. */
function interpolateCharge(bytes: number, column: 1 | 2): number {
  const kilobytes = bytes / 1024
  const next = PUBLISHED.findIndex(([size]) => kilobytes <= size)
  const [first, last] = [PUBLISHED[0], PUBLISHED[PUBLISHED.length - 1]]
  if (next === 0) return first?.[column] ?? 0
  if (next === -1) return ((last?.[column] ?? 0) * kilobytes) / (last?.[0] ?? 1)
  const [below, above] = [PUBLISHED[next - 1], PUBLISHED[next]]
  if (!below || !above) return 0
  return below[column] + ((above[column] - below[column]) * (kilobytes - below[0])) / (above[0] - below[0])
}
