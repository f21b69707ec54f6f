import type { RawItem } from './event-hash.ts'

export function isObject(value: unknown): value is RawItem {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The version of an event: 1 is the first. */
export function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

export function isSha256(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

/** What is wrong with the fields that commits and receipts both have. `_rid`, `_etag` and the like are of Cosmos DB. */
export function wrongFields(item: RawItem, known: readonly string[]): string[] {
  const unknown = Object.keys(item).filter((name) => !known.includes(name) && !name.startsWith('_'))
  return [
    ...unknown.map((name) => `it has the unknown field ${JSON.stringify(name)}`),
    ...['key', 'fingerprint'].filter((name) => !isSha256(item[name])).map((name) => `its ${name} is no SHA-256`),
  ]
}
