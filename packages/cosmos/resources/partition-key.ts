import { badRequest } from '../api/failure.ts'
import { isObject, stepInto } from '../values/json.ts'
import type { Container } from './catalog.ts'
import { ALL_KEYS, type KeyScope } from './feed-range.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
export const MAX_KEY_BYTES = 2048

/** A component that an item does not have, as in `[{}]`. */
const NONE = '{}'

/**
 * A partition key as text: the JSON array of its components, so that "1" and 1 differ.
 * @throws Failure 400 for an invalid key: an object, an array, more than 2048 bytes.
 */
export function formatKey(components: readonly unknown[]): string {
  const text = `[${components.map(formatComponent).join(',')}]`
  if (text.length > MAX_KEY_BYTES / 4 && Buffer.byteLength(components.filter(isText).join('')) > MAX_KEY_BYTES)
    throw badRequest(`a partition key has at most ${MAX_KEY_BYTES} bytes`)
  return text
}

const isText = (value: unknown): value is string => typeof value === 'string'

function formatComponent(value: unknown): string {
  if (value === undefined || (isObject(value) && Object.keys(value).length === 0)) return NONE
  if (typeof value === 'object' && value !== null)
    throw badRequest('a partition key must be a text, a number, a boolean or null')
  if (typeof value === 'number' && !Number.isFinite(value)) throw badRequest('the partition key is too large a number')
  return JSON.stringify(value)
}

/**
 * The partition key of an item, from the container's paths.
 * @throws Failure 400
 */
export function readItemKey({ keyPaths }: Container, item: unknown): string {
  const components = keyPaths.map((path) => path.reduce<unknown>(stepInto, item))
  if (components.some(isObject)) throw badRequest('a partition key must be a text, a number, a boolean or null')
  return formatKey(components)
}

/**
 * Reads the partition key header. With as many components as the container has paths, it names one logical
 * partition. With fewer, it names those whose key begins with them.
 * @throws Failure 400
 */
export function parseKeyHeader({ keyPaths }: Container, header: string | undefined): KeyScope {
  if (header === undefined) return ALL_KEYS
  let components: unknown
  try {
    components = JSON.parse(header)
  } catch {
    throw badRequest('the partition key header is not JSON')
  }
  if (!Array.isArray(components)) throw badRequest('the partition key header is not a JSON array')
  if (components.length > keyPaths.length)
    throw badRequest(`the partition key has ${components.length} components, the container's has ${keyPaths.length}`)
  if (components.length === 0) return ALL_KEYS
  const pk = formatKey(components)
  if (components.length === keyPaths.length) return { kind: 'one', pk }
  return { kind: 'prefix', prefix: `${pk.slice(0, -1)},` }
}
