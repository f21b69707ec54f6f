import type { Json } from '../values/json.ts'

const NAMES = ['_rid', '_self', '_etag', '_attachments', '_ts', '_lsn']

/** What the endpoint writes into every item, or shows with it: what a client sends under these names is not kept. */
export function removeSystemProperties(value: Json): Json {
  if (!NAMES.some((name) => Object.hasOwn(value, name))) return value
  return Object.fromEntries(Object.entries(value).filter(([name]) => !isSystemProperty(name)))
}

export const isSystemProperty = (name: string): boolean => NAMES.includes(name)
