import { badRequest, tooLarge } from '../api/failure.ts'
import type { LogicalPartition } from '../resources/feed-range.ts'
import { readItemKey } from '../resources/partition-key.ts'
import { isTtl, MAX_TTL_SECONDS } from '../resources/time-to-live.ts'
import { checkJson, isObject, type Json } from '../values/json.ts'
import { removeSystemProperties } from './system-properties.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_ITEM_BYTES = 2 * 1024 * 1024
const MAX_ID_BYTES = 1023

/** An item that passed all checks. */
export interface CheckedItem {
  readonly id: string
  readonly ttl: number | undefined
  /** Without the system properties. */
  readonly value: Json
  /** The JSON of the value. */
  readonly text: string
}

/** @throws Failure 400, 413 */
export function checkItem({ container, pk }: LogicalPartition, body: unknown): CheckedItem {
  if (!isObject(body)) throw badRequest('an item must be a JSON object')
  checkJson(body)
  const value = removeSystemProperties(body)
  const { id, ttl } = value
  if (typeof id !== 'string' || id === '') throw badRequest('an item needs an id')
  if (
    (id.length > MAX_ID_BYTES / 4 && Buffer.byteLength(id) > MAX_ID_BYTES) ||
    /[/\\?#]/.test(id) ||
    !id.isWellFormed()
  )
    throw badRequest(`an id must be a text of at most ${MAX_ID_BYTES} bytes with none of / \\ ? #`)
  if (ttl !== undefined && !isTtl(ttl)) throw badRequest(`ttl must be -1 or 1 to ${MAX_TTL_SECONDS} seconds`)
  if (readItemKey(container, value) !== pk)
    throw badRequest('the partition key in the header is not that of the item', 1001)
  const text = JSON.stringify(value)
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_ITEM_BYTES) throw tooLarge(`an item has at most ${MAX_ITEM_BYTES} bytes, this one has ${bytes}`)
  return { id, ttl, value, text }
}
