import { TidemarkError } from '../core/errors.ts'

// https://www.rfc-editor.org/rfc/rfc3339#section-5.6; the offset has its own bounds there.
const pattern =
  /^(\d{4}-\d{2}-\d{2})[Tt]((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

/**
 * Milliseconds since 1970 of an RFC 3339 moment with any offset. Digits beyond milliseconds are dropped:
 * events are dated in milliseconds, so none lies between. A leap second (`:60`) is refused: no clock that
 * dates events shows one.
 * @throws TidemarkError `invalid-time`
 */
export function parseTime(text: string): number {
  const [, date = '', time = '', fraction = '', offset = ''] = pattern.exec(text) ?? []
  const midnight = Date.parse(`${date}T00:00:00Z`)
  // Date takes 30 February for 2 March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date))
    throw new TidemarkError('invalid-time', 'a moment is RFC 3339 with an offset, such as 2026-01-31T12:00:00Z')
  return Date.parse(`${date}T${time}.${fraction.slice(0, 3).padEnd(3, '0')}${offset.toUpperCase()}`)
}
