const START = Date.UTC(2026, 0, 1)

/**
 * A time in tests: seconds after 2026-01-01T00:00:00.000Z, where tests start. RFC 3339, UTC, milliseconds.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { moment } from 'tidemark/testing'
 *
 * assert.equal(moment(1), '2026-01-01T00:00:01.000Z')
 * ```
 */
export function moment(seconds = 0): string {
  return new Date(START + seconds * 1000).toISOString()
}

/**
 * The time this many seconds after another.
 * @param time RFC 3339.
 * @returns RFC 3339, UTC, milliseconds.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { later, moment } from 'tidemark/testing'
 *
 * assert.equal(later(moment(0), 60), moment(60))
 * ```
 */
export function later(time: string, seconds: number): string {
  return new Date(Date.parse(time) + seconds * 1000).toISOString()
}
