import type { RawItem } from './event-hash.ts'

export function isObject(value: unknown): value is RawItem {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether the value can be an event's version; the first is 1. */
export function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

export function isSha256(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

/**
 * Lists the faults of the fields that commits and receipts share. Skips `_rid`, `_etag` and other fields of
 * Cosmos DB.
 */
export function wrongFields(item: RawItem, known: readonly string[]): string[] {
  const unknown = Object.keys(item).filter((name) => !known.includes(name) && !name.startsWith('_'))
  return [
    ...unknown.map((name) => `it has the unknown field ${JSON.stringify(name)}`),
    ...['key', 'fingerprint'].filter((name) => !isSha256(item[name])).map((name) => `its ${name} is not a SHA-256`),
  ]
}
