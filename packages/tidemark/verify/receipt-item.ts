import type { RawItem } from './event-hash.ts'
import { isObject, isSha256, isVersion, wrongFields } from './fields.ts'

/** A command receipt's item, checked on its own. No hash covers it. */
export interface CheckedReceipt {
  readonly id: string
  readonly key: unknown
  /** The version of its stream when it was written. 0 if the item does not show it. */
  readonly version: number
  /** Where the item contradicts itself. */
  readonly wrong: readonly string[]
}

const FIELDS = new Set(['id', 'stream', 'key', 'fingerprint', 'version', 'refusal'])

export function isReceiptId(id: string): boolean {
  return id.startsWith('~') && isSha256(id.slice(1))
}

export function checkReceipt(item: RawItem): CheckedReceipt {
  const { id, key, version, refusal } = item
  const wrong = wrongFields(item, FIELDS)
  if (typeof key === 'string' && id !== `~${key}`) wrong.push('its id is that of another key')
  if (version !== 0 && !isVersion(version)) wrong.push(`its version is ${JSON.stringify(version)}`)
  if (refusal !== undefined && !isRefusal(refusal)) wrong.push('its refusal is not a code and a detail')
  return { id: String(id), key, version: isVersion(version) ? version : 0, wrong }
}

function isRefusal(value: unknown): boolean {
  if (!isObject(value)) return false
  const { code, detail, ...more } = value
  return typeof code === 'string' && typeof detail === 'string' && Object.keys(more).length === 0
}
