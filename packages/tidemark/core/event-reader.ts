import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventContent, EventType, Recorded, RecordedEvent } from './event.ts'
import { describeIssues, validate } from './schema.ts'
import { formatPosition } from './stream.ts'

/**
 * Reads what an event says as the newest version that this code declares of it. Four cases:
 * - an older version: upcast, step by step, and checked against the newest schema;
 * - a newer version that readers of a declared one can read: what the newest declared schema names of it;
 * - a newer version that breaks with all declared ones: `event-unknown`, so that it waits for the code that knows it;
 * - an unknown type: `event-unknown` too. Whether such an event is asked for at all is the consumer's to say,
 *   with `knows`.
 */
export interface EventReader {
  knows(type: string): boolean
  /**
   * @param position of the event, for the message.
   * @throws TidemarkError `event-unknown`; `event-unreadable` where the data do not fit the schema.
   */
  read(content: EventContent, position: string): unknown
  /** The event with what it says so read. */
  readEvent(event: RecordedEvent): Recorded<DomainEvent>
}

/**
 * Reads events of any version as those of the newest, by their upcasters.
 * @param checked `foreign`: data of the newest version are checked too, and fields that the schema does not
 * name are left out. `own`: they were checked when they were written, and are taken as they are.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType } from 'tidemark'
 * import { eventReader } from 'tidemark/tools'
 * import * as z from 'zod'
 *
 * const Opened = eventType('Opened', z.object({ name: z.string() })).breaking(z.object({ title: z.string() }), (data) => ({
 *   title: data.name,
 * }))
 * const { read } = eventReader([Opened], 'own')
 * assert.deepEqual(read({ type: 'Opened', schemaVersion: 1, data: { name: 'a title' } }, 'entry-1@1'), { title: 'a title' })
 * ```
 */
export function eventReader(types: readonly EventType[], checked: 'own' | 'foreign'): EventReader {
  const byName = new Map(types.map((type) => [type.name, type]))
  const reader: EventReader = {
    knows: (name) => byName.has(name),
    readEvent(event) {
      const data = reader.read(event, formatPosition(event))
      return data === event.data ? event : { ...event, data }
    },
    read({ type: name, schemaVersion, readableFrom = schemaVersion, data }, position) {
      const type = byName.get(name)
      if (type === undefined || readableFrom > type.version)
        throw new TidemarkError(
          'event-unknown',
          `${position}: this code does not know ${name} version ${schemaVersion}: deploy the one that does`,
        )
      if (checked === 'own' && schemaVersion === type.version) return data
      const result = validate(type.schema, upcast(type, schemaVersion, data, position))
      if (result.valid) return result.value
      throw new TidemarkError(
        'event-unreadable',
        `${position} does not fit the schema of ${name} version ${type.version}: ${describeIssues(result.issues)}`,
      )
    },
  }
  return reader
}

/** Data of one version as data of the newest. What is newer than the newest stays as it is. */
function upcast(type: EventType, from: number, data: unknown, position: string): unknown {
  try {
    return type.versions.slice(from).reduce((older, { upcast }) => upcast?.(older as never), data)
  } catch (cause) {
    // An upcaster takes all data that fit its version: these do not.
    throw new TidemarkError('event-unreadable', `${position} does not fit the schema of ${type.name} version ${from}`, {
      cause,
    })
  }
}
