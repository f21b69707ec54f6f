import { createHash } from 'node:crypto'
import { badRequest } from '../api/failure.ts'
import { isObject } from '../values/json.ts'
import type { Position } from './access/position.ts'

// The token is sent in a header, and Node's HTTP takes 16 KB of headers in all.
const MAX_LENGTH = 8192

/**
 * Where a page ended, by values instead of a number of results: later pages are right whatever is written
 * meanwhile.
 */
export interface Cursor {
  /** The paths that rows are ordered by when the query has no ORDER BY. */
  readonly by: readonly (readonly string[])[]
  /** The last row. Its `place` is undefined when all rows of the item were returned. */
  readonly position: Position
  /** The last result of a query with groups or DISTINCT. */
  readonly key: string | undefined
  /** How many results came before, for LIMIT and OFFSET. */
  readonly seen: number
}

/** Ties a continuation to one query. */
const fingerprint = (query: string): string => createHash('sha256').update(query).digest('base64url').slice(0, 12)

/** @throws Failure 400 for a cursor that is too long for a header. */
export function formatContinuation(query: string, { by, position, key, seen }: Cursor): string {
  const { order, number, pk, id, place } = position
  // JSON has no undefined, but a field can be missing.
  const values = order.map((value) => ({ value }))
  const token = { query: fingerprint(query), by, order: values, number, pk, id, place, key, seen }
  const text = Buffer.from(JSON.stringify(token)).toString('base64')
  if (text.length > MAX_LENGTH) throw badRequest('a value of ORDER BY is too long to continue after')
  return text
}

/** @throws Failure 400 for a text that the emulator did not return for this query. */
export function parseContinuation(query: string, text: string): Cursor {
  const token = parse(text)
  if (!isObject(token) || token.query !== fingerprint(query)) throw invalidContinuation()
  const { by, order, number, pk, id, place, key, seen } = token
  if (!Array.isArray(by) || !by.every((path) => Array.isArray(path) && path.every((name) => typeof name === 'string')))
    throw invalidContinuation()
  if (!Array.isArray(order) || !order.every(isObject) || typeof pk !== 'string' || typeof id !== 'string')
    throw invalidContinuation()
  if (
    !isCount(seen) ||
    !isCount(number) ||
    !(place === undefined || isCount(place)) ||
    !(key === undefined || typeof key === 'string')
  )
    throw invalidContinuation()
  return { by, position: { order: order.map(({ value }) => value), number, pk, id, place }, key, seen }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const invalidContinuation = (): Error => badRequest('the continuation does not belong to this query')

function parse(text: string): unknown {
  if (text.length > MAX_LENGTH) return undefined
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString())
  } catch {
    return undefined
  }
}
