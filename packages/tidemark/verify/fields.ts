import type { RawItem } from './event-hash.ts'

export function isObject(value: unknown): value is RawItem {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether the value can be an event's version; the first is 1. */
export function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

export function isSha256(value: unknown): value is string {
  if (typeof value !== 'string' || value.length !== 64) return false
  let digits = 0
  for (let index = 0; index < 64; index++) digits += HEX_DIGIT[value.charCodeAt(index)] ?? 0
  return digits === 64
}

/** 1 for each lower-case hex digit. A regular expression takes twice as long, and each event has four hashes. */
const HEX_DIGIT = new Uint8Array(128)
for (const digit of '0123456789abcdef') HEX_DIGIT[digit.charCodeAt(0)] = 1

/**
 * Lists the faults of the fields that commits and receipts share. Skips `_rid`, `_etag` and other fields of
 * Cosmos DB.
 */
export function wrongFields(item: RawItem, known: ReadonlySet<string>): string[] {
  const unknown = Object.keys(item).filter((name) => !known.has(name) && !name.startsWith('_'))
  return [
    ...unknown.map((name) => `it has the unknown field ${JSON.stringify(name)}`),
    ...['key', 'fingerprint'].filter((name) => !isSha256(item[name])).map((name) => `its ${name} is not a SHA-256`),
  ]
}
