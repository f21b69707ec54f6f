import type { DomainEvent, EventType } from '../core/event.ts'

/** An event recorded with another version of its schema than the current one. */
export interface RecordedAs extends DomainEvent {
  /** The event's declaration at the time when that version was the newest. */
  readonly as: EventType
}

/**
 * An event that a test gives: in the current version, or `recordedAs` another version.
 * @example
 * ```ts
 * import { type Given, given } from 'tidemark/testing'
 * import { entry, type Opened } from './entry.ts'
 *
 * // A past that several tests in a file share.
 * const opened = (title: string): Given<Opened> => ({ type: 'Opened', data: { title } })
 * given(entry, [opened('winter')])
 *   .when({ type: 'open', data: { title: 'winter' } })
 *   .thenRefused('entry-already-open')
 * ```
 */
export type Given<Event extends DomainEvent = DomainEvent> = Event | RecordedAs

/**
 * An event of an older version. It is recorded as the code of that time did, and read as today's code does.
 * For an event newer than the code under test, pass a declaration that has the newer version. The data is
 * checked against that version's schema.
 * @param version the schema version of the data, from 1.
 * @throws RangeError if the declaration has no such version.
 * @example
 * ```ts
 * import { type Decider, type EventOf, eventType } from 'tidemark'
 * import { given, type RecordedAs, recordedAs } from 'tidemark/testing'
 * import * as z from 'zod'
 * import { entry, type Open } from './entry.ts'
 *
 * const first = eventType('Opened', z.object({ name: z.string() }))
 * const Opened = first.breaking(z.object({ title: z.string() }), (data) => ({ title: data.name }))
 * const renamed: Decider<{ isOpen: boolean }, Open, EventOf<typeof Opened>> = { ...entry, events: [Opened] }
 * const opened: RecordedAs = recordedAs(Opened, 1, { name: 'a title' })
 * given(renamed, [opened])
 *   .when({ type: 'open', data: { title: 'a title' } })
 *   .thenRefused('entry-already-open')
 * ```
 */
export function recordedAs(declared: EventType, version: number, data: unknown): RecordedAs {
  const versions = declared.versions.filter(({ version: last, since = last }) => since <= version)
  const newest = versions.at(-1)
  if (newest === undefined || newest.version < version)
    throw new RangeError(`${declared.name} has the versions 1 to ${declared.version}, not ${version}`)
  // An ended type was still written then.
  const { ending: _, ...type } = declared
  const { schema, readableFrom } = newest
  return {
    type: type.name,
    data,
    as: { ...type, version, schema, readableFrom: Math.min(readableFrom, version), versions },
  }
}
