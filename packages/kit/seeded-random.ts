/**
 * Returns a seeded generator of numbers in [0, 1): mulberry32 by Tommy Ettinger, in the public domain.
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 * @param seed 32 bits.
 */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Returns a function that makes generators, each with a sequence of its own. */
export function seededSequences(seed: number): () => () => number {
  const seeds = seededRandom(seed)
  return () => seededRandom(seeds() * 2 ** 32)
}

/**
 * Builds a function that chooses one item by its rate, or none. Without a rate it draws nothing.
 * @param getRate the rates add up to at most 1.
 */
export function buildChooser<Item>(
  items: readonly Item[],
  getRate: (item: Item) => number | undefined,
  draw: () => number,
): () => Item | undefined {
  let sum = 0
  const limits = items.flatMap((item) => {
    const rate = getRate(item) ?? 0
    sum += rate
    return rate > 0 ? [{ item, below: sum }] : []
  })
  if (limits.length === 0) return () => undefined
  return () => {
    const drawn = draw()
    return limits.find(({ below }) => drawn < below)?.item
  }
}
