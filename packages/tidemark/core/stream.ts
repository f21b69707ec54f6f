import { TidemarkError } from './errors.ts'
import type { Part } from './event.ts'

/** A stream position: the stream's name and the version of one of its events, from 1. */
export interface Position {
  /** `order-1`; in a view over several services `ordering/order-1`. */
  readonly stream: string
  readonly version: number
}

// Excludes `/ \ ? #` (Cosmos DB item ids), `@` (positions) and `|` (view keys). A category of 27 characters,
// a dash and an id of 100 make 128, the longest partition key of Event Hubs. Events of a stream with a longer
// name could never be published.
export const idPattern = /^[A-Za-z0-9][A-Za-z0-9._~:-]{0,99}$/
export const streamPattern = /^[a-z][a-z0-9]{0,26}-[A-Za-z0-9][A-Za-z0-9._~:-]{0,99}$/

/**
 * The name of an aggregate's stream: `order` and `1` make `order-1`. A category has no dash, so the first
 * dash separates the two.
 * @throws TidemarkError `invalid-id`
 */
export function formatStream(category: string, id: string): string {
  if (!idPattern.test(id))
    throw new TidemarkError(
      'invalid-id',
      'an id has 1 to 100 letters, digits or . _ ~ : - and starts with a letter or digit',
    )
  return `${category}-${id}`
}

/** The category of a stream: `order` of `order-1`, and of `ordering/order-1`. */
export function parseCategory(stream: string): string {
  const start = stream.indexOf('/') + 1
  return stream.slice(start, stream.indexOf('-', start))
}

/**
 * The name of a stream among those of several services: `ordering/order-1`. Names of streams and of services
 * have no slash.
 */
export function formatSourceStream(service: string, stream: string): string {
  return `${service}/${stream}`
}

/** The parts of a name that `formatSourceStream` made. A plain name has no service. */
export function parseSourceStream(name: string): { readonly service?: string; readonly stream: string } {
  const end = name.indexOf('/')
  return end < 0 ? { stream: name } : { service: name.slice(0, end), stream: name.slice(end + 1) }
}

/** The aggregate's id in a stream's name: `1` of `order-1`. */
export function parseId(stream: string): string {
  return stream.slice(stream.indexOf('-') + 1)
}

/**
 * Whether a text is a valid stream name: `<category>-<id>`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { isStream } from 'tidemark/tools'
 *
 * assert.ok(isStream('entry-1'))
 * assert.ok(!isStream('Entry 1'))
 * ```
 */
export function isStream(text: string): boolean {
  return streamPattern.test(text)
}

const servicePattern = /^[a-z][a-z0-9-]*$/

/** The text form of a position, as in HTTP answers: `order-1@7`. */
export function formatPosition(position: Position): string {
  return `${position.stream}@${position.version}`
}

/**
 * The position of an event as a view or a reaction reads it: `order-1@7`; and `order-1@7.2` for the second of
 * several events that one stored event is read as. It never changes, so it is a command's id.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { formatEventPosition } from 'tidemark'
 *
 * assert.equal(formatEventPosition({ stream: 'entry-1', version: 7 }), 'entry-1@7')
 * assert.equal(formatEventPosition({ stream: 'entry-1', version: 7, part: 2 }), 'entry-1@7.2')
 * ```
 */
export function formatEventPosition(event: Position & Part): string {
  return event.part === undefined ? formatPosition(event) : `${formatPosition(event)}.${event.part}`
}

/**
 * Parses the text that `formatPosition` writes. A position of a view over several services names the service:
 * `ordering/order-1@7`.
 * @throws TidemarkError `invalid-position`
 */
export function parsePosition(token: string): Position {
  const at = token.lastIndexOf('@')
  const stream = token.slice(0, at)
  const digits = token.slice(at + 1)
  const version = Number(digits)
  const parts = parseSourceStream(stream)
  const isNamed = isStream(parts.stream) && (parts.service === undefined || servicePattern.test(parts.service))
  if (at < 0 || !isNamed || !/^[1-9][0-9]*$/.test(digits) || !Number.isSafeInteger(version))
    throw new TidemarkError(
      'invalid-position',
      'a position is <stream>@<version>, such as order-1@7; or <service>/<stream>@<version>',
    )
  return { stream, version }
}
