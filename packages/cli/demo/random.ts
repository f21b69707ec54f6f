import { seededRandom } from '../../kit/seeded-random.ts'

/** Random numbers from a seed: the same seed, the same workload. */
export interface Random {
  /** At least 0, and less than 1. */
  next(): number
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number
  pick<Item>(items: readonly Item[]): Item
  /** True with this probability. */
  chance(probability: number): boolean
}

/** @param seed only its lowest 32 bits count. */
export function random(seed: number): Random {
  const next = seededRandom(seed)
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    between,
    pick: (items) => items[between(0, items.length - 1)] as (typeof items)[number],
    chance: (probability) => next() < probability,
  }
}
