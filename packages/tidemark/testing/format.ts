import { isDeepStrictEqual } from 'node:util'
import type { DomainEvent } from '../core/event.ts'

const MAX_DIFFERENCES = 10
const MAX_LENGTH = 300

/** A value after a round trip through JSON, as the log or a view stores it. */
export function toJson<Value>(value: Value): Value {
  return value === undefined ? value : JSON.parse(JSON.stringify(value))
}

/** A value in one line, cut if it is long. */
export function formatValue(value: unknown): string {
  return truncate(JSON.stringify(value) ?? 'nothing')
}

export function truncate(text: string): string {
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
}

/** Events, one line each. */
export function formatEvents(events: readonly DomainEvent[]): readonly string[] {
  return events.length === 0 ? ['nothing'] : events.map(({ type, data }) => `${type} ${formatValue(data)}`)
}

/** The differences between two values, one line for each JSON Pointer (RFC 6901), at most ten. */
export function diffValues(expected: unknown, came: unknown): readonly string[] {
  const all = [...findDifferences('', expected, came)]
  const more = all.length - MAX_DIFFERENCES
  return [...all.slice(0, MAX_DIFFERENCES), ...(more > 0 ? [`and ${more} more`] : [])]
}

function* findDifferences(pointer: string, expected: unknown, came: unknown): Generator<string> {
  if (isDeepStrictEqual(expected, came)) return
  if (isObject(expected) && isObject(came) && Array.isArray(expected) === Array.isArray(came))
    for (const key of new Set([...Object.keys(expected), ...Object.keys(came)]))
      yield* findDifferences(`${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, expected[key], came[key])
  else yield `${pointer || 'the whole value'}: expected ${formatValue(expected)}, got ${formatValue(came)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Describes how events differ from the expected ones; empty if they are equal. */
export function diffEvents(expected: readonly DomainEvent[], came: readonly DomainEvent[]): readonly string[] {
  const [wanted, had] = [toJson(expected), toJson(came)].map((events) =>
    events.map(({ type, data }) => ({ type, data })),
  )
  if (wanted === undefined || had === undefined || isDeepStrictEqual(wanted, had)) return []
  const at = had.findIndex((event, index) => !isDeepStrictEqual(event, wanted[index]))
  const [first, instead] = [wanted[at], had[at]]
  return [
    ...formatEvents(wanted).map((line) => `expected  ${line}`),
    ...formatEvents(had).map((line) => `got       ${line}`),
    ...(first && instead && first.type === instead.type
      ? diffValues(first.data, instead.data).map((line) => `event ${at + 1}, ${first.type}: ${line}`)
      : []),
  ]
}

/** Fails if a story is awaited without an expectation. The test would otherwise pass without checking anything. */
export function refuseAwait(expected: unknown): void {
  if (typeof expected === 'function')
    throw new TypeError('nothing is expected yet: call then(…), thenNothing() or the like before you await it')
}
