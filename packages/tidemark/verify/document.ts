import { isDeepStrictEqual } from 'node:util'
import { isObject } from './fields.ts'

const SHOWN = 3
const LONGEST = 100

/** The value as JSON stores it. */
function toJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/** Describes in a line how a document differs from the expected one. Undefined if they are equal. */
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
 * Whether a document's place in lists is right: its sort key with its key. An earlier build wrote only the
 * sort key.
 */
export function isItsPlace(place: unknown, sort: string, key: string): boolean {
  return place === `${sort}\u0001${key}`.toWellFormed() || place === sort
}
