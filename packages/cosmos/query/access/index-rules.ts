import type { Container } from '../../resources/catalog.ts'
import type { CompositePath } from '../../resources/indexing-policy.ts'
import { namesOf } from '../../resources/property-path.ts'
import type { Term } from '../compile/queries.ts'
import { queryFailure } from '../syntax/query-failure.ts'

/** Whether a container indexes a path; where it indexes anything, an item's id and time too. */
export function isIndexed({ settings, indexedPaths }: Container, path: readonly string[]): boolean {
  return settings.indexingPolicy.indexingMode !== 'none' && (isSystem(path) || indexedPaths.has(path))
}

const isSystem = ([name, ...more]: readonly string[]): boolean => more.length === 0 && (name === 'id' || name === '_ts')

/**
 * @throws Failure 400 for an order that the service has no index for.
 * https://learn.microsoft.com/azure/cosmos-db/index-policy#composite-indexes
 */
export function checkOrder(container: Container, terms: readonly Term[]): void {
  const [first] = terms
  if (!first) return
  if (terms.length === 1) {
    if (!isIndexed(container, first.path))
      throw queryFailure('The index path corresponding to the specified order-by item is excluded.')
    return
  }
  const { compositeIndexes = [] } = container.settings.indexingPolicy
  if (!compositeIndexes.some((composite) => serves(composite, terms)))
    throw queryFailure('The order by query does not have a corresponding composite index that it can be served from.')
}

/** The same paths in the same order, each in its direction or each in the other. */
function serves(composite: readonly CompositePath[], terms: readonly Term[]): boolean {
  const isTurned = ({ order }: CompositePath, { descending }: Term): boolean => (order === 'descending') !== descending
  const [path, term] = [composite[0], terms[0]]
  if (!path || !term || composite.length !== terms.length) return false
  const turned = isTurned(path, term)
  return composite.every((candidate, at) => {
    const wanted = terms[at]
    return wanted && isSame(namesOf(candidate.path), wanted.path) && isTurned(candidate, wanted) === turned
  })
}

const isSame = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify(a) === JSON.stringify(b)
