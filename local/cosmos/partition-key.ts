import type { Container } from './catalog.ts'
import { badRequest } from './failure.ts'
import { isObject, stepInto } from './json.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_KEY_BYTES = 2048

/** The key of items that have none, as the SDKs send it: `[{}]`. */
const NONE = '{}'

/**
 * A partition key as text: its JSON, so that "1" and 1 are two.
 * @throws Failure 400 for what is no key: an object, an array, more than 2048 bytes.
 */
export function keyText(value: unknown): string {
  if (value === undefined || (isObject(value) && Object.keys(value).length === 0)) return NONE
  if (typeof value === 'object' && value !== null)
    throw badRequest('a partition key is a text, a number, a boolean or null')
  if (typeof value === 'number' && !Number.isFinite(value)) throw badRequest('the partition key is too large a number')
  if (typeof value === 'string' && Buffer.byteLength(value) > MAX_KEY_BYTES)
    throw badRequest(`a partition key has at most ${MAX_KEY_BYTES} bytes`)
  return JSON.stringify(value)
}

/**
 * The key that an item has at its container's path.
 * @throws Failure 400
 */
export function keyOfItem({ keyPath }: Container, item: unknown): string {
  const value = keyPath.reduce<unknown>(stepInto, item)
  if (isObject(value)) throw badRequest('a partition key is a text, a number, a boolean or null')
  return keyText(value)
}

/**
 * The key of a header: a JSON array of one. `[]`, of none, is the prefix that all keys have.
 * @throws Failure 400
 */
export function keyOfHeader(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  let parts: unknown
  try {
    parts = JSON.parse(header)
  } catch {
    throw badRequest('the partition key header is not JSON')
  }
  if (!Array.isArray(parts)) throw badRequest('the partition key header is not a JSON array')
  if (parts.length > 1) throw badRequest('hierarchical partition keys are not supported by this endpoint')
  return parts.length === 0 ? undefined : keyText(parts[0])
}
