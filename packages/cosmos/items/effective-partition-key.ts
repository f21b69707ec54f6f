import murmur from 'murmurhash3js-revisited'
import { isObject } from '../values/json.ts'

/**
 * How a container hashes its keys: all components together, or each on its own, so that keys with the same
 * beginning lie together.
 */
type KeyKind = 'Hash' | 'MultiHash'

// The type tags of components in binary form, as the SDKs hash it: @azure/cosmos,
// utils/hashing/encoding/prefix.js.
const MISSING = Buffer.of(0x00)
const NULL = Buffer.of(0x01)
const FALSE = Buffer.of(0x02)
const TRUE = Buffer.of(0x03)
const NUMBER = 0x05
const TEXT = Buffer.of(0x08)
const END_OF_TEXT = Buffer.of(0xff)

/**
 * The effective partition key: where the items of a partition key lie among a container's physical
 * partitions. Hash version 2, upper case hex, 32 digits for each hash. A missing component is undefined, or
 * `{}` in a key's JSON. Without components it is `''`, the beginning.
 * https://learn.microsoft.com/azure/cosmos-db/partitioning-overview,
 * https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys
 */
export function effectivePartitionKey(components: readonly unknown[], kind: KeyKind): string {
  if (components.length === 0) return ''
  const parts = components.map(encodeComponent)
  return kind === 'Hash' ? hash(Buffer.concat(parts)) : parts.map(hash).join('')
}

function encodeComponent(component: unknown): Buffer {
  if (component === undefined || isObject(component)) return MISSING
  if (component === null) return NULL
  if (typeof component === 'string') return Buffer.concat([TEXT, Buffer.from(component), END_OF_TEXT])
  if (typeof component === 'number') return encodeNumber(component)
  if (typeof component === 'boolean') return component ? TRUE : FALSE
  throw new TypeError(`a partition key cannot have a component of the type ${typeof component}`)
}

/** -0 and 0 are the same key, because the JSON of a key does not tell them apart. */
function encodeNumber(component: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = NUMBER
  bytes.writeDoubleLE(component + 0, 1)
  return bytes
}

/** The two halves of Murmur3 swapped, without the two highest bits. */
function hash(bytes: Buffer): string {
  const digits = murmur.x64.hash128(bytes)
  const first = (Number.parseInt(digits.charAt(16), 16) & 0x3).toString()
  return `${first}${digits.slice(17)}${digits.slice(0, 16)}`.toUpperCase()
}
