import { badRequest } from '../api/failure.ts'
import { isObject, type Json } from '../values/json.ts'
import { type IndexingPolicy, readIndexingPolicy } from './indexing-policy.ts'
import { isTtl, MAX_TTL_SECONDS } from './time-to-live.ts'

// https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys
const MAX_KEY_PATHS = 3
// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_UNIQUE_KEYS = 10
const MAX_UNIQUE_KEY_PATHS = 16

export interface ContainerSettings {
  readonly partitionKey: {
    readonly paths: readonly string[]
    readonly kind: 'Hash' | 'MultiHash'
    readonly version: 2
  }
  readonly indexingPolicy: IndexingPolicy
  readonly uniqueKeyPolicy?: { readonly uniqueKeys: readonly { readonly paths: readonly string[] }[] }
  /** Seconds, or -1: only items with a `ttl` of their own expire. Without it nothing expires. */
  readonly defaultTtl?: number
  readonly conflictResolutionPolicy: unknown
  readonly geospatialConfig: unknown
}

/** The settings that have only one value here, as a container shows them. */
const FIXED = {
  conflictResolutionPolicy: { mode: 'LastWriterWins', conflictResolutionPath: '/_ts', conflictResolutionProcedure: '' },
  geospatialConfig: { type: 'Geography' },
} as const

/** The settings of the service that the emulator does not have. */
const REFUSED = [
  'analyticalStorageTtl',
  'changeFeedPolicy',
  'clientEncryptionPolicy',
  'computedProperties',
  'dataMaskingPolicy',
  'fullTextPolicy',
  'materializedViewDefinition',
  'vectorEmbeddingPolicy',
]

/**
 * Reads the settings of a container.
 * @throws Failure 400 for a setting that the emulator would not honour.
 */
export function readSettings(body: Json): ContainerSettings {
  const { defaultTtl, conflictResolutionPolicy, geospatialConfig } = body
  for (const name of REFUSED) if (!isEmpty(body[name])) throw badRequest(`${name} is not supported by the emulator`)
  if (isObject(conflictResolutionPolicy) && (conflictResolutionPolicy.mode ?? 'LastWriterWins') !== 'LastWriterWins')
    throw badRequest('a conflict resolution other than LastWriterWins is not supported by the emulator')
  if (isObject(geospatialConfig) && (geospatialConfig.type ?? 'Geography') !== 'Geography')
    throw badRequest('geospatial types other than Geography are not supported by the emulator')
  if (!isEmpty(defaultTtl) && !isTtl(defaultTtl))
    throw badRequest(`defaultTtl must be -1 or 1 to ${MAX_TTL_SECONDS} seconds`)
  const uniqueKeys = readUniqueKeys(body.uniqueKeyPolicy)
  return {
    partitionKey: readPartitionKey(body.partitionKey),
    indexingPolicy: readIndexingPolicy(body.indexingPolicy),
    ...(uniqueKeys.length > 0 ? { uniqueKeyPolicy: { uniqueKeys } } : {}),
    ...(isTtl(defaultTtl) ? { defaultTtl } : {}),
    ...FIXED,
  }
}

function readPartitionKey(value: unknown): ContainerSettings['partitionKey'] {
  const { paths, kind, version } = isObject(value) ? value : {}
  if (!isPaths(paths)) throw badRequest('a container needs a partition key such as /pk')
  const multiple = kind === 'MultiHash' || paths.length > 1
  if (multiple && kind !== 'MultiHash')
    throw badRequest('a partition key of several paths must have the kind MultiHash')
  if (!multiple && !isEmpty(kind) && kind !== 'Hash')
    throw badRequest('the kind of a partition key must be Hash or MultiHash')
  if (paths.length > MAX_KEY_PATHS) throw badRequest(`a partition key has at most ${MAX_KEY_PATHS} paths`)
  if (!isEmpty(version) && version !== 2)
    throw badRequest('partition keys of a version other than 2 are not supported by the emulator')
  return { paths, kind: multiple ? 'MultiHash' : 'Hash', version: 2 }
}

function readUniqueKeys(value: unknown): readonly { paths: readonly string[] }[] {
  if (isEmpty(value)) return []
  const keys = isObject(value) ? (value.uniqueKeys ?? []) : undefined
  if (!Array.isArray(keys) || keys.length > MAX_UNIQUE_KEYS)
    throw badRequest(`a container has at most ${MAX_UNIQUE_KEYS} unique keys`)
  const read = keys.map((key: unknown) => {
    const paths = isObject(key) ? key.paths : undefined
    if (!isPaths(paths) || paths.length > MAX_UNIQUE_KEY_PATHS)
      throw badRequest(`a unique key has 1 to ${MAX_UNIQUE_KEY_PATHS} paths such as /email`)
    return { paths }
  })
  if (new Set(read.map(({ paths }) => JSON.stringify(paths))).size < read.length)
    throw badRequest('two unique keys have the same paths')
  return read
}

function isPaths(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((path) => typeof path === 'string' && /^(\/("[^"]+"|[^/"[\]]+))+$/.test(path)) &&
    new Set(value).size === value.length
  )
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (Array.isArray(value)) return value.length === 0
  return isObject(value) && Object.values(value).every(isEmpty)
}
