import { isObject } from '../../json.ts'
import type { Container } from '../../resources/catalog.ts'
import type { Term } from '../compile/queries.ts'
import { queryFailure } from '../query-failure.ts'

interface Pattern {
  readonly names: readonly string[]
  /** Whether it ends in `*`, and so is about all that is below, and not in `?`. */
  readonly below: boolean
  readonly included: boolean
}

/**
 * Which paths of its items a container indexes.
 * https://learn.microsoft.com/azure/cosmos-db/index-policy
 */
export interface IndexingPolicy {
  indexes(path: readonly string[]): boolean
  /** @throws Failure 400 for an order that the service has no index for. */
  checkOrder(terms: readonly Term[]): void
}

const policies = new WeakMap<Container, IndexingPolicy>()

export function policyOf(container: Container): IndexingPolicy {
  let policy = policies.get(container)
  if (!policy) {
    policy = read(container.settings.indexingPolicy)
    policies.set(container, policy)
  }
  return policy
}

function read(settings: unknown): IndexingPolicy {
  const { indexingMode, includedPaths, excludedPaths, compositeIndexes } = isObject(settings) ? settings : {}
  const isOn = typeof indexingMode !== 'string' || indexingMode.toLowerCase() !== 'none'
  const patterns = [...patternsOf(includedPaths ?? [{ path: '/*' }], true), ...patternsOf(excludedPaths, false)]
  const composites = (Array.isArray(compositeIndexes) ? compositeIndexes : []).map(compositeOf)
  const indexes = (path: readonly string[]): boolean => isOn && (isAlways(path) || isIncluded(patterns, path))
  return {
    indexes,
    checkOrder(terms) {
      const [first] = terms
      if (!first) return
      if (terms.length === 1) {
        if (!indexes(first.path))
          throw queryFailure('The index path corresponding to the specified order-by item is excluded.')
      } else if (!isOn || !composites.some((composite) => serves(composite, terms)))
        throw queryFailure(
          'The order by query does not have a corresponding composite index that it can be served from.',
        )
    },
  }
}

const isAlways = ([name, ...more]: readonly string[]): boolean => more.length === 0 && (name === 'id' || name === '_ts')

/** The longest pattern that fits says; of two, the one that does not say "and all below". */
function isIncluded(patterns: readonly Pattern[], path: readonly string[]): boolean {
  let best: Pattern | undefined
  for (const pattern of patterns) if (fits(pattern, path) && (!best || rank(pattern) > rank(best))) best = pattern
  return best?.included ?? false
}

const rank = ({ names, below, included }: Pattern): number => names.length * 4 + (below ? 0 : 2) + (included ? 1 : 0)

function fits({ names, below }: Pattern, path: readonly string[]): boolean {
  return (
    (below ? path.length >= names.length : path.length === names.length) && names.every((name, at) => name === path[at])
  )
}

function patternsOf(list: unknown, included: boolean): Pattern[] {
  const paths = (Array.isArray(list) ? list : []).map((entry: unknown) => (isObject(entry) ? entry.path : undefined))
  return paths
    .filter((path) => typeof path === 'string')
    .map((path) => {
      const names = namesOf(path)
      const last = names.at(-1)
      const isPattern = last === '*' || last === '?'
      return { names: isPattern ? names.slice(0, -1) : names, below: last === '*', included }
    })
}

/** `/a/"b c"/?`; `[]`, an element of an array, is never what a path of names leads to. */
function namesOf(path: string): string[] {
  return Array.from(
    path.matchAll(/\/(?:"((?:[^"\\]|\\.)*)"|([^/]*))/g),
    ([, quoted, plain]) => quoted ?? plain ?? '',
  ).filter((name) => name !== '')
}

function compositeOf(composite: unknown): Term[] {
  return (Array.isArray(composite) ? composite : []).filter(isObject).map(({ path, order }) => ({
    path: namesOf(String(path)),
    descending: String(order).toLowerCase() === 'descending',
  }))
}

/** The same paths in the same order, each in its direction or each in the other. */
function serves(composite: readonly Term[], terms: readonly Term[]): boolean {
  const turned = composite[0]?.descending !== terms[0]?.descending
  return (
    composite.length === terms.length &&
    composite.every(({ path, descending }, at) => {
      const term = terms[at]
      return term?.path.join('/') === path.join('/') && (term.descending !== descending) === turned
    })
  )
}
