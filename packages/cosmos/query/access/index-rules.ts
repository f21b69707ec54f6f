import type { Container } from '../../resources/catalog.ts'
import type { CompositePath } from '../../resources/indexing-policy.ts'
import { parsePropertyPath } from '../../resources/property-path.ts'
import type { Term } from '../compile/queries.ts'
import { queryFailure } from '../syntax/query-failure.ts'

/** Whether a container indexes a path. A container with an index also indexes each item's id and time. */
export function isIndexed({ settings, indexedPaths }: Container, path: readonly string[]): boolean {
  return settings.indexingPolicy.indexingMode !== 'none' && (isSystemPath(path) || indexedPaths.has(path))
}

const isSystemPath = ([name, ...more]: readonly string[]): boolean =>
  more.length === 0 && (name === 'id' || name === '_ts')

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
  if (!compositeIndexes.some((composite) => servesOrder(composite, terms)))
    throw queryFailure('The order by query does not have a corresponding composite index that it can be served from.')
}

/**
 * Whether a composite index has the same paths in the same order, all in the same or all in the opposite
 * direction.
 */
function servesOrder(composite: readonly CompositePath[], terms: readonly Term[]): boolean {
  const isReversed = ({ order }: CompositePath, { descending }: Term): boolean =>
    (order === 'descending') !== descending
  const [path, term] = [composite[0], terms[0]]
  if (!path || !term || composite.length !== terms.length) return false
  const reversed = isReversed(path, term)
  return composite.every((candidate, at) => {
    const expected = terms[at]
    return (
      expected &&
      isSamePath(parsePropertyPath(candidate.path), expected.path) &&
      isReversed(candidate, expected) === reversed
    )
  })
}

const isSamePath = (a: readonly string[], b: readonly string[]): boolean => JSON.stringify(a) === JSON.stringify(b)
