/**
 * Hashes a text to 32 bits: FNV-1a with the final mix of MurmurHash3. Each random decision in a history is
 * drawn from the name of what it is about, not from one sequence of numbers. So leaving one fault out changes
 * only what follows from that fault.
 */
export function hashText(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) | 0
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return mixed(hash)
}

/** The n-th number drawn from a hash: from 0 up to but excluding 1. */
export function roll(hash: number, nth: number): number {
  return mixed((hash + Math.imul(nth + 1, 0x9e3779b9)) | 0) / 2 ** 32
}

function mixed(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Random decisions drawn from one seed. */
export class Dice {
  readonly #seed: number

  constructor(seed: number) {
    // Mixed, so that consecutive seeds give unrelated numbers.
    this.#seed = mixed(seed + 0x6d2b79f5)
  }

  hash(about: string): number {
    return hashText(this.#seed, about)
  }

  /** A number from 0 up to but excluding 1. */
  number(about: string): number {
    return roll(this.hash(about), 0)
  }

  /** A whole number from `low` to `high`, both included. */
  between(about: string, low: number, high: number): number {
    return low + Math.floor(this.number(about) * (high - low + 1))
  }

  chance(about: string, probability: number): boolean {
    return this.number(about) < probability
  }

  pick<Item>(about: string, items: readonly [Item, ...Item[]] | readonly Item[]): Item {
    return items[this.between(about, 0, items.length - 1)] as Item
  }

  /** The items in random order (Fisher–Yates). */
  shuffled<Item>(about: string, items: readonly Item[]): Item[] {
    const hash = this.hash(about)
    const mixed = [...items]
    for (let last = mixed.length - 1; last > 0; last -= 1) {
      const other = Math.floor(roll(hash, last) * (last + 1))
      const [a, b] = [mixed[last], mixed[other]]
      mixed[last] = b as Item
      mixed[other] = a as Item
    }
    return mixed
  }
}
