import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventContent, EventType, Recorded, RecordedEvent } from './event.ts'
import { describeIssues, validate } from './schema.ts'
import { formatPosition } from './stream.ts'

/**
 * Reads an event's content as the newest version this code declares. Four cases:
 * - An older version is upcast step by step and checked against the newest schema.
 * - A newer version that declared readers can read is reduced to the fields of the newest declared schema.
 * - A newer version that breaks with all declared ones is `event-unknown`: it waits for a build that knows
 *   it.
 * - An unknown type is `event-unknown` too. The consumer decides with `knows` whether to read such an event
 *   at all.
 */
export interface EventReader {
  knows(type: string): boolean
  /**
   * @param position of the event, for the error message.
   * @throws TidemarkError `event-unknown`; `event-unreadable` if the data does not fit the schema.
   */
  read(content: EventContent, position: string): unknown
  /** Returns the event with its data read. */
  readEvent(event: RecordedEvent): Recorded<DomainEvent>
}

/**
 * Reads events of any version as the newest version, through their upcasters.
 * @param checked `foreign`: data of the newest version is checked too, and unknown fields are dropped. `own`:
 *   that data was checked when it was written, so it is used unchanged.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType } from 'tidemark'
 * import { eventReader } from 'tidemark/tools'
 * import * as z from 'zod'
 *
 * const first = eventType('Opened', z.object({ name: z.string() }))
 * const Opened = first.breaking(z.object({ title: z.string() }), (data) => ({ title: data.name }))
 * const { read } = eventReader([Opened], 'own')
 * const old = { type: 'Opened', schemaVersion: 1, data: { name: 'a title' } }
 * assert.deepEqual(read(old, 'entry-1@1'), { title: 'a title' })
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
      if (result.outcome === 'valid') return result.value
      throw new TidemarkError(
        'event-unreadable',
        `${position} does not fit the schema of ${name} version ${type.version}: ${describeIssues(result.issues)}`,
      )
    },
  }
  return reader
}

/** Upcasts data to the newest version. Data of a newer version stays unchanged. */
function upcast(type: EventType, from: number, data: unknown, position: string): unknown {
  try {
    return type.versions.slice(from).reduce((older, { upcast }) => upcast?.(older as never), data)
  } catch (cause) {
    // An upcaster accepts all data that fits its version, so this data does not fit.
    throw new TidemarkError('event-unreadable', `${position} does not fit the schema of ${type.name} version ${from}`, {
      cause,
    })
  }
}
