/** A number from 0 (inclusive) to 1 (exclusive). */
export type Random = () => number

/**
 * A random number generator: the same seed gives the same numbers. Node has none with a seed, and fast-check
 * would be one more package that every service installs. mulberry32 by Tommy Ettinger, in the public domain:
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** An integer from 0 (inclusive) to `limit` (exclusive). */
export function randomBelow(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

/** The items in random order (Fisher–Yates). */
export function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const mixed = [...items]
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = randomBelow(random, last + 1)
    const [a, b] = [mixed[last], mixed[other]]
    mixed[last] = b as Item
    mixed[other] = a as Item
  }
  return mixed
}

/** Splits the items into parts of 1 to 4. */
export function inParts<Item>(random: Random, items: readonly Item[]): Item[][] {
  const parts: Item[][] = []
  for (let next = 0; next < items.length; ) {
    const size = 1 + randomBelow(random, Math.min(4, items.length - next))
    parts.push(items.slice(next, next + size))
    next += size
  }
  return parts
}

/**
 * How many orders to test, and which: the same seed gives the same orders.
 * @example
 * ```ts
 * import { type Orders, react } from 'tidemark/testing'
 * import { entries } from './entries.ts'
 *
 * // A failed test names its seed. This repeats that order alone.
 * const failed: Orders = { seed: 14, times: 1 }
 * const cellar = { title: 'cellar' }
 * const unlocked = { 'door-1': [{ type: 'Unlocked', data: cellar }] }
 * await react(entries)
 *   .when(unlocked)
 *   .outOfOrder(failed)
 *   .then({ 'entry-1': [{ type: 'Opened', data: cellar }] })
 * ```
 */
export interface Orders {
  /** The first seed; default 1. */
  readonly seed?: number
  /** The number of orders; default 20. */
  readonly times?: number
}

/** The seeds of the orders. */
export function listSeeds({ seed = 1, times = 20 }: Orders): readonly number[] {
  return Array.from({ length: times }, (_, index) => seed + index)
}
