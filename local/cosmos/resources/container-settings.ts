import { badRequest } from '../failure.ts'
import { isTtl, MAX_TTL_SECONDS } from '../items/time-to-live.ts'
import { isObject, type Json } from '../json.ts'

export interface ContainerSettings {
  readonly partitionKey: { readonly paths: readonly string[]; readonly kind: string; readonly version: number }
  readonly indexingPolicy: unknown
  /** Seconds, or -1: items live for ever but for those with a `ttl` of their own. Without it nothing expires. */
  readonly defaultTtl?: number
}

const DEFAULT_INDEXING = {
  indexingMode: 'consistent',
  automatic: true,
  includedPaths: [{ path: '/*' }],
  excludedPaths: [{ path: '/"_etag"/?' }],
}

const REFUSED = [
  'computedProperties',
  'vectorEmbeddingPolicy',
  'fullTextPolicy',
  'changeFeedPolicy',
  'analyticalStorageTtl',
]

/**
 * What a container may ask for here. The indexing policy is kept and shown, and does nothing.
 * @throws Failure 400 for anything that would be promised and not kept.
 */
export function readSettings(body: Json): ContainerSettings {
  const { partitionKey, uniqueKeyPolicy, defaultTtl, indexingPolicy } = body
  const { paths, kind } = isObject(partitionKey) ? partitionKey : {}
  if (!Array.isArray(paths) || typeof paths[0] !== 'string' || !/^(\/[^/]+)+$/.test(paths[0]))
    throw badRequest('a container needs a partition key such as /pk')
  if (paths.length > 1 || kind === 'MultiHash')
    throw badRequest('hierarchical partition keys are not supported by this endpoint')
  if (hasUniqueKeys(uniqueKeyPolicy)) throw badRequest('unique keys are not supported by this endpoint')
  for (const name of REFUSED)
    if (body[name] !== undefined && body[name] !== null) throw badRequest(`${name} is not supported by this endpoint`)
  if (defaultTtl !== undefined && defaultTtl !== null && !isTtl(defaultTtl))
    throw badRequest(`defaultTtl is -1 or 1 to ${MAX_TTL_SECONDS} seconds`)
  return {
    partitionKey: { paths: [paths[0]], kind: 'Hash', version: 2 },
    indexingPolicy: indexingPolicy ?? DEFAULT_INDEXING,
    ...(isTtl(defaultTtl) ? { defaultTtl } : {}),
  }
}

function hasUniqueKeys(policy: unknown): boolean {
  if (policy === undefined || policy === null) return false
  const keys = isObject(policy) ? (policy.uniqueKeys ?? []) : undefined
  return !Array.isArray(keys) || keys.length > 0
}
