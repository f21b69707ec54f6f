import { createHash } from 'node:crypto'
import { badRequest } from '../api/failure.ts'
import { isObject } from '../values/json.ts'
import type { Position } from './access/position.ts'

// The token comes and goes in a header, of which Node's HTTP takes 16 KB in all.
const MAX_LENGTH = 8192

/** Where a page ended. By values, and not by a number of results: pages go on right whatever was written meanwhile. */
export interface Cursor {
  /** The paths that rows came in the order of, where the query asks for no order. */
  readonly by: readonly (readonly string[])[]
  /** The last row; its `place` is undefined where all rows of the item were given. */
  readonly position: Position
  /** Of queries with groups or DISTINCT: the last result. */
  readonly key: string | undefined
  /** How many results came before: for LIMIT and OFFSET. */
  readonly seen: number
}

/** A continuation is of one query. */
const fingerprint = (query: string): string => createHash('sha256').update(query).digest('base64url').slice(0, 12)

/** @throws Failure 400 for a mark that no header can hold. */
export function formatContinuation(query: string, { by, position, key, seen }: Cursor): string {
  const { order, number, pk, id, place } = position
  // JSON knows no undefined: a field that is missing does.
  const values = order.map((value) => ({ value }))
  const token = { query: fingerprint(query), by, order: values, number, pk, id, place, key, seen }
  const text = Buffer.from(JSON.stringify(token)).toString('base64')
  if (text.length > MAX_LENGTH) throw badRequest('a value of ORDER BY is too long to continue after')
  return text
}

/** @throws Failure 400 for a text that this endpoint did not give for this query. */
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
const invalidContinuation = (): Error =>
  badRequest('the continuation is not one that this endpoint gave for this query')

function parse(text: string): unknown {
  if (text.length > MAX_LENGTH) return undefined
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString())
  } catch {
    return undefined
  }
}
