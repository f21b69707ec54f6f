import type { DomainEvent, EventType } from '../core/event.ts'

/** An event as it was recorded with another version of its schema than the one that is written now. */
export interface RecordedAs extends DomainEvent {
  /** Its declaration as it was when that version was the newest. */
  readonly as: EventType
}

/**
 * What a test gives: an event as it is written now, or one `recordedAs` another version.
 * @example
 * ```ts
 * import { type Given, given } from 'tidemark/testing'
 * import { entry, type Opened } from './entry.ts'
 *
 * // The past that the tests of a file share.
 * const opened = (title: string): Given<Opened> => ({ type: 'Opened', data: { title } })
 * given(entry, [opened('winter')])
 *   .when({ type: 'open', data: { title: 'winter' } })
 *   .thenRefused('entry-already-open')
 * ```
 */
export type Given<Event extends DomainEvent = DomainEvent> = Event | RecordedAs

/**
 * An event of an older version: it is recorded as the code of that time did, and read as the code of today
 * does. For the event of a newer version than the code under test knows, pass a declaration that has it. The
 * data must be what that version's schema writes: checked as it is given.
 * @param version of the schema that the data were written with, from 1.
 * @throws RangeError where the declaration has no such version.
 * @example
 * ```ts
 * import { type Decider, type EventOf, eventType } from 'tidemark'
 * import { given, type RecordedAs, recordedAs } from 'tidemark/testing'
 * import * as z from 'zod'
 * import { entry, type Open } from './entry.ts'
 *
 * const Opened = eventType('Opened', z.object({ name: z.string() })).breaking(z.object({ title: z.string() }), (data) => ({
 *   title: data.name,
 * }))
 * const renamed: Decider<{ isOpen: boolean }, Open, EventOf<typeof Opened>> = { ...entry, events: [Opened] }
 * const opened: RecordedAs = recordedAs(Opened, 1, { name: 'a title' })
 * given(renamed, [opened])
 *   .when({ type: 'open', data: { title: 'a title' } })
 *   .thenRefused('entry-already-open')
 * ```
 */
export function recordedAs(declared: EventType, version: number, data: unknown): RecordedAs {
  const versions = declared.versions.slice(0, version)
  const newest = versions.at(-1)
  if (newest?.version !== version)
    throw new RangeError(`${declared.name} has the versions 1 to ${declared.version}, not ${version}`)
  return {
    type: declared.name,
    data,
    as: { ...declared, version, schema: newest.schema, readableFrom: newest.readableFrom, versions },
  }
}
