import { badRequest } from '../api/failure.ts'
import { isObject } from '../values/json.ts'

export interface CompositePath {
  readonly path: string
  readonly order: 'ascending' | 'descending'
}

/** Which paths of items are indexed. https://learn.microsoft.com/azure/cosmos-db/index-policy */
export interface IndexingPolicy {
  readonly indexingMode: 'consistent' | 'none'
  readonly automatic: boolean
  readonly includedPaths: readonly { readonly path: string }[]
  readonly excludedPaths: readonly { readonly path: string }[]
  readonly compositeIndexes?: readonly (readonly CompositePath[])[]
}

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_COMPOSITES = 100
const MAX_COMPOSITE_PATHS = 8
const MAX_PATHS = 1000

const EVERYTHING = '/*'
/** The service adds it to every policy that does not name it. */
const ETAG = '/"_etag"/?'

const REFUSED = ['spatialIndexes', 'vectorIndexes', 'fullTextIndexes']

/** @throws Failure 400 */
export function readIndexingPolicy(value: unknown): IndexingPolicy {
  if (value !== undefined && value !== null && !isObject(value))
    throw badRequest('an indexing policy must be an object')
  const given = value ?? {}
  const mode = String(given.indexingMode ?? 'consistent').toLowerCase()
  if (mode === 'none') {
    if (readPaths(given.includedPaths).length + readPaths(given.excludedPaths).length > 0)
      throw badRequest('an indexing policy of the mode none cannot have paths')
    return { indexingMode: 'none', automatic: false, includedPaths: [], excludedPaths: [] }
  }
  if (mode !== 'consistent') throw badRequest('an indexing mode must be consistent or none')
  if (given.automatic === false) throw badRequest('an index that is not automatic must have the mode none')
  for (const name of REFUSED)
    if (Array.isArray(given[name]) && given[name].length > 0)
      throw badRequest(`${name} are not supported by the emulator`)
  const excluded = readPaths(given.excludedPaths)
  const none = given.includedPaths === undefined && !excluded.includes(EVERYTHING)
  const included = none ? [EVERYTHING] : readPaths(given.includedPaths)
  if (!included.includes(EVERYTHING) && !excluded.includes(EVERYTHING))
    throw badRequest('The special mandatory indexing path "/" is not provided in any of the path type sets.')
  const twice = included.find((path) => excluded.includes(path))
  if (twice !== undefined) throw badRequest(`the path ${twice} is both included and excluded`)
  if (![...included, ...excluded].includes(ETAG)) excluded.push(ETAG)
  const composites = readComposites(given.compositeIndexes)
  return {
    indexingMode: 'consistent',
    automatic: true,
    includedPaths: included.map((path) => ({ path })),
    excludedPaths: excluded.map((path) => ({ path })),
    ...(composites.length > 0 ? { compositeIndexes: composites } : {}),
  }
}

function readPaths(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.length > MAX_PATHS)
    throw badRequest(`an indexing policy has at most ${MAX_PATHS} paths`)
  return value.map((entry: unknown) => {
    const path = isObject(entry) ? entry.path : undefined
    if (typeof path !== 'string' || !/^(\/("[^"]+"|\[\]|[^/"?*[\]]+))*\/[?*]$/.test(path))
      throw badRequest(`a path of an indexing policy must end in /? or /*, unlike ${JSON.stringify(path)}`)
    return path
  })
}

function readComposites(value: unknown): readonly (readonly CompositePath[])[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value) || value.length > MAX_COMPOSITES)
    throw badRequest(`an indexing policy has at most ${MAX_COMPOSITES} composite indexes`)
  return value.map((paths: unknown) => {
    if (!Array.isArray(paths) || paths.length < 2 || paths.length > MAX_COMPOSITE_PATHS)
      throw badRequest(`a composite index has 2 to ${MAX_COMPOSITE_PATHS} paths`)
    return paths.map(readCompositePath)
  })
}

function readCompositePath(value: unknown): CompositePath {
  const { path, order = 'ascending' } = isObject(value) ? value : {}
  if (typeof path !== 'string' || !/^(\/("[^"]+"|[^/"?*[\]]+))+$/.test(path))
    throw badRequest('a path of a composite index must be one such as /name, without /? or /*')
  if (order !== 'ascending' && order !== 'descending')
    throw badRequest('the order of a composite index must be ascending or descending')
  return { path, order }
}
