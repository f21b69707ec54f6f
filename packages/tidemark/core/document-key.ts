import { TidemarkError } from './errors.ts'
import { SEALED } from './personal.ts'

/**
 * The longest key of a document, in bytes of UTF-8. With its prefix it must fit in Cosmos DB's partition key
 * of 2,048 bytes.
 */
export const MAX_KEY_BYTES = 1024

// A key must survive a round trip through a URL path. Clients resolve `.` and `..`. The Functions host
// decodes a path once, except `%2F`. It refuses NUL, and hosts on Windows read `\` as `/`. Other control
// characters would corrupt log lines. https://url.spec.whatwg.org/#path-state,
// https://github.com/dotnet/aspnetcore/blob/main/src/Shared/UrlDecoder/UrlDecoder.cs
const refusals: readonly (readonly [is: (key: string) => boolean, why: string])[] = [
  [(key) => key === '', 'it is empty'],
  [(key) => key === '.' || key === '..', 'a URL path resolves it'],
  [(key) => /[/\\]/.test(key), 'it has a slash'],
  [(key) => /%2f/i.test(key), 'a URL path reads its %2F as a slash'],
  [(key) => /\p{Cc}/u.test(key), 'it has a control character'],
  [(key) => !key.isWellFormed(), 'it has half a surrogate pair'],
  [(key) => key.includes(SEALED), 'it is personal, and each event seals it differently'],
  [(key) => Buffer.byteLength(key) > MAX_KEY_BYTES, `it has more than ${MAX_KEY_BYTES} bytes`],
]

/**
 * Why no URL can address a document with this key; undefined if one can. The URL contains the key encoded by
 * `encodeURIComponent`.
 */
export function keyFault(key: string): string | undefined {
  return refusals.find(([is]) => is(key))?.[1]
}

/**
 * Whether a document can have this key. Use it in the schemas of commands whose events contain keys.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { isDocumentKey } from 'tidemark'
 *
 * assert.ok(isDocumentKey('green tea'))
 * assert.ok(!isDocumentKey('green/tea'))
 * ```
 */
export function isDocumentKey(text: string): boolean {
  return keyFault(text) === undefined
}

/** @throws TidemarkError `key-invalid` if no URL can contain the key. */
export function checkKey(key: string): void {
  const fault = keyFault(key)
  if (fault === undefined) return
  const shown = key.length > 100 ? `${key.slice(0, 100)}…` : key
  throw new TidemarkError('key-invalid', `no document can have the key ${JSON.stringify(shown)}: ${fault}`)
}

/**
 * Separates the sort key from the document key. Keys have no control characters, so no two documents share a
 * place. It sorts before any character of a sort key.
 */
const BEFORE_KEY = '\u0001'

/** A document's place in the lists of its view: ordered by sort key, then by key. */
export function formatPlace(sort: string, key: string): string {
  return `${sort}${BEFORE_KEY}${key}`.toWellFormed()
}
