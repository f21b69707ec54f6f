import { END_OF_TEXT, encodeKey, encodeKeyPrefix, isTruncated, TAGS } from '../../store/index-key.ts'
import type { Comparison } from '../syntax/syntax.ts'

/** Keys of an index from `low` up to, but not including, `high`; without `high` all that follow. */
export interface Interval {
  readonly low: Buffer
  readonly high: Buffer | undefined
}

/** Disjoint and in order. */
export type Intervals = readonly Interval[]

export const EVERYTHING: Intervals = [{ low: Buffer.alloc(0), high: undefined }]
const NOTHING: Intervals = []

/** The keys with this prefix. */
const toPrefixInterval = (prefix: Buffer): Interval => ({ low: prefix, high: findSuccessor(prefix) })

/** The first key after all those with this prefix. */
function findSuccessor(prefix: Buffer): Buffer | undefined {
  const last = prefix.findLastIndex((byte) => byte < 255)
  if (last < 0) return undefined
  const next = Buffer.from(prefix.subarray(0, last + 1))
  next[last] = (next[last] ?? 0) + 1
  return next
}

export const buildTypeIntervals = (...types: readonly (keyof typeof TAGS)[]): Intervals =>
  unite(types.map((type) => [toPrefixInterval(Buffer.from([TAGS[type]]))]))

export const buildPrefixIntervals = (prefix: string): Intervals => [toPrefixInterval(encodeKeyPrefix(prefix))]

/** Where a value must be for a comparison with a constant to be true. Wider for texts that are cut. */
export function buildComparisonIntervals(operator: Comparison, constant: unknown): Intervals {
  if (constant === undefined) return NOTHING
  const key = encodeKey([constant])
  const equal = toPrefixInterval(key)
  const defined = complement(buildTypeIntervals('undefined'))
  if (operator === '=') return [equal]
  // Several arrays share a key, and so do several texts that are cut.
  const isExact = (typeof constant !== 'object' || constant === null) && !isTruncated(constant)
  if (operator === '!=') return isExact ? intersect(defined, complement([equal])) : defined
  // Arrays and objects have no order.
  if (typeof constant === 'object' && constant !== null) return NOTHING
  const type =
    typeof constant === 'boolean' ? buildTypeIntervals('false', 'true') : [toPrefixInterval(key.subarray(0, 1))]
  const open = isExact && operator.length === 1
  if (operator.startsWith('<')) return intersect(type, [{ low: Buffer.alloc(0), high: open ? key : equal.high }])
  return intersect(type, open && equal.high ? [{ low: equal.high, high: undefined }] : [{ low: key, high: undefined }])
}

export function complement(intervals: Intervals): Intervals {
  const rest: Interval[] = []
  let low: Buffer | undefined = Buffer.alloc(0)
  for (const interval of intervals) {
    if (low && Buffer.compare(low, interval.low) < 0) rest.push({ low, high: interval.low })
    low = interval.high
  }
  return low ? [...rest, { low, high: undefined }] : rest
}

export function unite(all: readonly Intervals[]): Intervals {
  const sorted = all.flat().sort((a, b) => Buffer.compare(a.low, b.low))
  const merged: Interval[] = []
  for (const interval of sorted) {
    const last = merged.at(-1)
    if (!last || (last.high && Buffer.compare(last.high, interval.low) < 0)) merged.push(interval)
    else if (last.high && (!interval.high || Buffer.compare(last.high, interval.high) < 0))
      merged[merged.length - 1] = { low: last.low, high: interval.high }
  }
  return merged
}

export function intersect(first: Intervals, second: Intervals): Intervals {
  const common: Interval[] = []
  let [a, b] = [0, 0]
  for (;;) {
    const [one, other] = [first[a], second[b]]
    if (!one || !other) return common
    const low = Buffer.compare(one.low, other.low) < 0 ? other.low : one.low
    const oneEndsFirst = !other.high || (one.high !== undefined && Buffer.compare(one.high, other.high) < 0)
    const high = oneEndsFirst ? one.high : other.high
    if (!high || Buffer.compare(low, high) < 0) common.push({ low, high })
    if (oneEndsFirst) a += 1
    else b += 1
  }
}

/** The intervals of the same values in keys with reversed order, where each byte is 255 minus its value. */
export function reverseIntervals(intervals: Intervals): Intervals {
  return intervals.toReversed().flatMap(({ low, high }) => {
    const first = high ? findSuccessor(invertKey(high)) : Buffer.alloc(0)
    // No key comes before the first one.
    return first ? { low: first, high: findSuccessor(invertKey(low)) } : []
  })
}

const invertKey = (key: Buffer): Buffer => key.map((byte) => 255 - byte) as Buffer

/** Whether these are the keys of one whole value, so that the next value of a composite key follows it. */
export function isOneValue([only, ...others]: Intervals): boolean {
  if (!only || others.length > 0) return false
  const { low, high } = only
  if (!high || !findSuccessor(low)?.equals(high)) return false
  const [tag = TAGS.undefined] = low
  // A cut text ends the key.
  if (tag === TAGS.string) return low.subarray(-END_OF_TEXT.length).equals(END_OF_TEXT)
  return tag === TAGS.number ? low.length > 1 : tag < TAGS.number
}

/**
 * The intervals of composite keys.
 * @param bounds of their first values: all but the last have one value.
 * @param reversed which of these values the keys hold in reversed order.
 */
export function composeIntervals(bounds: readonly Intervals[], reversed: readonly boolean[]): Intervals {
  let prefix = Buffer.alloc(0)
  let composed = EVERYTHING
  for (const [at, intervals] of bounds.entries()) {
    const stored = reversed[at] ? reverseIntervals(intervals) : intervals
    composed = stored.map(({ low, high }) => ({
      low: Buffer.concat([prefix, low]),
      high: high ? Buffer.concat([prefix, high]) : findSuccessor(prefix),
    }))
    const value = intervals[0]?.low ?? Buffer.alloc(0)
    prefix = Buffer.concat([prefix, reversed[at] ? invertKey(value) : value])
  }
  return composed
}

/**
 * Rates how few items there may be: 4 for single numbers and texts, 3 for ranges with two ends, 2 for one end
 * or a boolean, 1 for a type, 0 for anything else.
 */
export function rateSelectivity(intervals: Intervals): number {
  return Math.min(5, ...intervals.map(rateInterval))
}

function rateInterval({ low, high }: Interval): number {
  const tag = low[0]
  if (tag === undefined || !high) return 0
  const endsWithType = high.length === 1 && high[0] === tag + 1
  if (!endsWithType && high[0] !== tag) return 0
  if (low.length === 1) return !endsWithType || tag < TAGS.number ? 2 : 1
  if (endsWithType) return 2
  return findSuccessor(low)?.equals(high) ? 4 : 3
}
