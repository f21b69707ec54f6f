/** A number from 0 to 1, 1 itself left out. */
export type Random = () => number

/** Random numbers that are the same for the same seed: mulberry32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from 0 to `below`, that itself left out. */
export function randomBelow(random: Random, limit: number): number {
  return Math.floor(random() * limit)
}

/** The items in another order: Fisher and Yates. */
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

/** The items in parts of one or more. */
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
 * In how many orders messages come, and which: the same for the same seed.
 * @example
 * ```ts
 * import { type Orders, react } from 'tidemark/testing'
 * import { entries } from './entries.ts'
 *
 * // A test that failed named its seed. That order alone is tried again.
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
  /** 1 if it is left out. */
  readonly seed?: number
  /** 20 if it is left out. */
  readonly times?: number
}

/** The seeds of so many orders. */
export function listSeeds({ seed = 1, times = 20 }: Orders): readonly number[] {
  return Array.from({ length: times }, (_, index) => seed + index)
}
