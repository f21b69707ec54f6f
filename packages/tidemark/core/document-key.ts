import { TidemarkError } from './errors.ts'

/**
 * No document has a longer key: with what stands before it, it must fit Cosmos DB's partition key of 2,048
 * bytes. Bytes of UTF-8.
 */
export const MAX_KEY_BYTES = 1024

// What a path says of a key must come out of it again. Clients resolve `.` and `..`. The Functions host
// decodes a path once, but for `%2F`, which it leaves so; it takes no NUL, and hosts on Windows take `\` for
// `/`. All other control characters would do harm in the lines of a log.
// https://url.spec.whatwg.org/#path-state,
// https://github.com/dotnet/aspnetcore/blob/main/src/Shared/UrlDecoder/UrlDecoder.cs
const refusals: readonly (readonly [is: (key: string) => boolean, why: string])[] = [
  [(key) => key === '', 'it is empty'],
  [(key) => key === '.' || key === '..', 'in a path it would be a step'],
  [(key) => /[/\\]/.test(key), 'it has a slash'],
  [(key) => /%2f/i.test(key), 'in a path its %2F would be a slash'],
  [(key) => /\p{Cc}/u.test(key), 'it has a control character'],
  [(key) => !key.isWellFormed(), 'it has one half of a surrogate pair'],
  [(key) => Buffer.byteLength(key) > MAX_KEY_BYTES, `it has more than ${MAX_KEY_BYTES} bytes`],
]

/**
 * Why no URL leads to a document with this key; undefined where one does: the key, encoded by
 * `encodeURIComponent`, is a part of its path.
 */
export function keyFault(key: string): string | undefined {
  return refusals.find(([is]) => is(key))?.[1]
}

/**
 * Whether a document may have this key: for the schemas of commands whose events name keys.
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

/** @throws TidemarkError `key-invalid` for a key that no URL leads to. */
export function checkKey(key: string): void {
  const fault = keyFault(key)
  if (fault === undefined) return
  const shown = key.length > 100 ? `${key.slice(0, 100)}…` : key
  throw new TidemarkError('key-invalid', `no document can have the key ${JSON.stringify(shown)}: ${fault}`)
}

/**
 * Stands before the key: as no key has a control character, two documents never share a place. It sorts
 * before all that a sort key has.
 */
const BEFORE_KEY = '\u0001'

/** Where a document stands in the lists of its view: by its sort key, and among those that have the same by its key. */
export function formatPlace(sort: string, key: string): string {
  return `${sort}${BEFORE_KEY}${key}`.toWellFormed()
}
