import { badRequest, Failure } from '../api/failure.ts'

/** Effective partition keys, without the maximum. */
export interface EpkRange {
  readonly min: string
  readonly max: string
}

/** A physical partition: the effective partition keys from `min` up to, but not including, `max`. */
export interface Range extends EpkRange {
  readonly id: string
  /** The ranges that it was split from, the oldest first. */
  readonly parents: readonly string[]
}

/** The range of all keys. */
export const FULL_RANGE: Range = { id: '0', min: '', max: 'FF', parents: [] }

// The first two bits of a hash are always 0: https://github.com/Azure/azure-cosmos-dotnet-v3, EffectivePartitionKey.
const HASH_DIGITS = 32
const END = 2n ** 126n

/**
 * Halves a range.
 * @throws Failure 400 for a range of a single hash.
 */
export function halveRange({ id, min, max, parents }: Range, ids: readonly [string, string]): readonly [Range, Range] {
  const [low, high] = [parseHash(min), max === FULL_RANGE.max ? END : parseHash(max)]
  const middle = ((low + high) / 2n).toString(16).toUpperCase().padStart(HASH_DIGITS, '0')
  if (high - low < 2n) throw badRequest(`the range ${id} cannot be split any further`)
  const from = [...parents, id]
  return [
    { id: ids[0], min, max: middle, parents: from },
    { id: ids[1], min: middle, max, parents: from },
  ]
}

/** The hash of a hierarchical key's first component: the boundaries of ranges are such hashes. */
const parseHash = (epk: string): bigint => BigInt(`0x${epk.slice(0, HASH_DIGITS).padEnd(HASH_DIGITS, '0')}`)

/** Finds the range of a key, among adjoining ranges from the lowest on. */
export function findRange(ranges: readonly Range[], epk: string): Range {
  return ranges.find(({ max }) => epk < max) ?? FULL_RANGE
}

/**
 * Finds a range by its name in a header: `0`, or `<container rid>,0`.
 * @throws Failure 410 for a range that was split or never existed: clients then read the ranges again.
 */
export function findNamedRange(ranges: readonly Range[], name: string): Range {
  const id = name.split(',').at(-1)
  const range = ranges.find((candidate) => candidate.id === id)
  if (!range)
    throw new Failure(410, 'Gone', `the partition key range ${id} is gone: it was split, or never existed`, 1002)
  return range
}
