import { TidemarkError } from '../core/errors.ts'

// https://www.rfc-editor.org/rfc/rfc3339#section-5.6 also bounds the offset.
const pattern =
  /^(\d{4}-\d{2}-\d{2})[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/**
 * Converts an RFC 3339 time with any offset to milliseconds since 1970. Digits beyond milliseconds are
 * dropped, because events are dated in milliseconds. A leap second (`:60`) is refused, because no clock that
 * dates events shows one.
 * @throws TidemarkError `invalid-time`
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { parseTime } from 'tidemark/tools'
 *
 * assert.equal(parseTime('1970-01-01T01:00:01+01:00'), 1000)
 * ```
 */
export function parseTime(text: string): number {
  const [, date = '', time = '', fraction = '', offset = ''] = pattern.exec(text) ?? []
  const midnight = Date.parse(`${date}T00:00:00Z`)
  // Date would convert 30 February to 2 March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date))
    throw new TidemarkError('invalid-time', 'a time must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z')
  return Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${offset.toUpperCase()}`)
}
