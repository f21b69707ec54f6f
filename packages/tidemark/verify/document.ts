import { isDeepStrictEqual } from 'node:util'
import { isObject } from './fields.ts'

const SHOWN = 3
const LONGEST = 100

/** What is kept of a value: JSON. */
export function toJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/** Where a document is not what it should be, in a line; undefined where it is. */
export function describeDifference(found: unknown, should: unknown): string | undefined {
  const places = [...findDifferences('', toJson(found), toJson(should))]
  if (places.length === 0) return undefined
  const more = places.length > SHOWN ? ` and ${places.length - SHOWN} more` : ''
  return places.slice(0, SHOWN).join(', ') + more
}

function* findDifferences(place: string, found: unknown, should: unknown): Generator<string> {
  if (isDeepStrictEqual(found, should)) return
  if (isObject(found) && isObject(should))
    for (const name of new Set([...Object.keys(found), ...Object.keys(should)]))
      yield* findDifferences(`${place}/${name}`, found[name], should[name])
  else yield `${place || 'it'} is ${formatValue(found)}, not ${formatValue(should)}`
}

function formatValue(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

/**
 * Where a document stands in lists: by its sort key and its key; where an earlier build wrote it, by its sort
 * key alone.
 */
export function isItsPlace(place: unknown, sort: string, key: string): boolean {
  return place === `${sort}\u0001${key}`.toWellFormed() || place === sort
}
