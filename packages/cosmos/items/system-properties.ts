import type { Json } from '../values/json.ts'

const NAMES = ['_rid', '_self', '_etag', '_attachments', '_ts', '_lsn']

/**
 * Removes the properties that the emulator itself sets. What a client sends under these names is not stored.
 */
export function removeSystemProperties(value: Json): Json {
  if (!NAMES.some((name) => Object.hasOwn(value, name))) return value
  return Object.fromEntries(Object.entries(value).filter(([name]) => !isSystemProperty(name)))
}

export const isSystemProperty = (name: string): boolean => NAMES.includes(name)
