import { isObject } from '../values/json.ts'
import type { IndexingPolicy } from './indexing-policy.ts'
import { parsePropertyPath } from './property-path.ts'

/**
 * A policy's rule for one path: its names, `[]` for the elements of an array, and whether it includes the
 * paths below.
 */
interface Rule {
  readonly names: readonly string[]
  readonly below: boolean
  readonly included: boolean
}

/**
 * Decides which paths a policy indexes. Of the rules that fit, the longest wins; of two as long, the one for
 * the path itself.
 * https://learn.microsoft.com/azure/cosmos-db/index-policy#includeexclude-precedence
 */
export class IndexedPaths {
  readonly #rules: readonly Rule[]
  /** Whether every path of a client's item is indexed, as by default. */
  readonly #everything: boolean

  constructor({ includedPaths, excludedPaths }: IndexingPolicy) {
    const rules = [
      ...includedPaths.map(({ path }) => parseRule(path, true)),
      ...excludedPaths.map(({ path }) => parseRule(path, false)),
    ]
    this.#rules = rules.sort((a, b) => b.names.length - a.names.length || Number(a.below) - Number(b.below))
    this.#everything = rules.every(({ included, names }) => included || (names.length === 1 && names[0] === '_etag'))
  }

  /** @param names the path of a value, with `[]` for the elements of an array. */
  has(names: readonly string[]): boolean {
    if (this.#everything && names[0] !== '_etag') return this.#rules.length > 0
    const rule = this.#rules.find(
      (candidate) =>
        (candidate.below ? names.length >= candidate.names.length : names.length === candidate.names.length) &&
        candidate.names.every((name, index) => name === names[index]),
    )
    return rule?.included ?? false
  }

  /** How many values of an item are indexed: the number of its terms. */
  countTerms(item: unknown): number {
    if (this.#rules.length === 0) return 0
    if (this.#everything) return countLeaves(item)
    let terms = 0
    for (const [names] of listLeaves(item, [])) if (this.has(names)) terms++
    return terms
  }

  /** How many terms only one of two states of an item has. */
  countChangedTerms(before: unknown, after: unknown): number {
    const counts = new Map<string, number>()
    const add = (item: unknown, by: number): void => {
      for (const [names, value] of listLeaves(item, [])) {
        if (!this.has(names)) continue
        const term = JSON.stringify([names, value])
        counts.set(term, (counts.get(term) ?? 0) + by)
      }
    }
    add(before, -1)
    add(after, 1)
    let changed = 0
    for (const count of counts.values()) changed += Math.abs(count)
    return changed
  }
}

function parseRule(path: string, included: boolean): Rule {
  return { names: parsePropertyPath(path).slice(0, -1), below: path.endsWith('*'), included }
}

function countLeaves(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1
  let leaves = 0
  for (const inner of Array.isArray(value) ? value : Object.values(value)) leaves += countLeaves(inner)
  return leaves
}

function* listLeaves(value: unknown, names: readonly string[]): Generator<[names: readonly string[], value: unknown]> {
  if (Array.isArray(value)) for (const inner of value) yield* listLeaves(inner, [...names, '[]'])
  else if (isObject(value))
    for (const [name, inner] of Object.entries(value)) yield* listLeaves(inner, [...names, name])
  else yield [names, value]
}
