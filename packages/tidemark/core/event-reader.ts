import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventContent, EventType, Part, Recorded, RecordedEvent } from './event.ts'
import { hasSealed, listPersonalFields, mapTexts, maskText, restoreTexts, withoutMessage } from './personal.ts'
import { describeMisfit, validate } from './schema.ts'
import { formatPosition } from './stream.ts'

/** One of the events that a stored event is read as. */
export type ReadContent = DomainEvent & Part

/**
 * Reads an event's content as the newest version this code declares. The cases:
 * - An older version is upcast step by step and checked against the newest schema.
 * - A newer version that declared readers can read is reduced to the fields of the newest declared schema.
 * - A newer version that breaks with all declared ones is `event-unknown`: it waits for a build that knows
 *   it.
 * - A former or coming name of a type is read as that type.
 * - A type that has ended is read as the events of other types that it became, or as nothing.
 * - An unknown type is `event-unknown` too. The consumer decides with `knows` whether to read such an event
 *   at all.
 */
export interface EventReader {
  /** Whether events of a type are read. False for a retired type. */
  knows(type: string): boolean
  isRetired(type: string): boolean
  /**
   * Returns the data of an event as the newest version of its own type.
   * @param position of the event, for the error message.
   * @throws TidemarkError `event-unknown`; `event-unreadable` if the data does not fit the schema.
   */
  read(content: EventContent, position: string): unknown
  /**
   * Returns the events that a stored one is read as, in order: usually one. Leaves out the types that the
   * reader does not have.
   * @throws TidemarkError as `read`
   */
  readAll(content: EventContent, position: string): readonly ReadContent[]
  /** Returns the event once for each event that it is read as, with its type and data read. */
  readEvents(event: RecordedEvent): readonly Recorded<DomainEvent>[]
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
  const names = new Set(types.map(({ name }) => name))
  const byName = new Map([
    ...types.flatMap((type) => [...type.formerNames, ...type.comingNames].map((name) => [name, type] as const)),
    ...types.map((type) => [type.name, type] as const),
  ])
  const find = ({ type: name, schemaVersion, readableFrom = schemaVersion }: EventContent, position: string) => {
    const type = byName.get(name)
    if (type === undefined) throw new TidemarkError('event-unknown', describeUnknown(name, schemaVersion, position))
    if (readableFrom > type.version && !isRetired(type))
      throw new TidemarkError(
        'event-unknown',
        `${position}: this code does not know ${name} version ${schemaVersion}: deploy the one that does`,
      )
    return type
  }
  const readAs = (type: EventType, { schemaVersion, data }: EventContent, position: string): unknown => {
    if (checked === 'own' && schemaVersion === type.version) return data
    return checkRead(type, upcast(type, schemaVersion, data, position), position)
  }
  const reader: EventReader = {
    knows: (name) => {
      const type = byName.get(name)
      return type !== undefined && !isRetired(type)
    },
    isRetired: (name) => {
      const type = byName.get(name)
      return type !== undefined && isRetired(type)
    },
    read: (content, position) => readAs(find(content, position), content, position),
    readAll(content, position) {
      const type = find(content, position)
      if (isRetired(type)) return []
      const data = readAs(type, content, position)
      if (type.ending === undefined) return [{ type: type.name, data }]
      return split(type, data, position).filter((part) => names.has(part.type))
    },
    readEvents(event) {
      const [first, ...others] = reader.readAll(event, formatPosition(event))
      if (first === undefined) return []
      if (others.length === 0 && first.data === event.data && first.type === event.type) return [event]
      return [first, ...others].map((read) => ({ ...event, ...read }))
    },
  }
  return reader
}

/**
 * The event types that a handler of a service reads: those that it names, and the ended types that are read
 * as one of them. A handler that names none reads all.
 * @param declared the event types of the service.
 */
export function listReadTypes(
  named: readonly EventType[] | undefined,
  declared: readonly EventType[],
): readonly EventType[] {
  if (named === undefined) return declared
  const names = new Set(named.map(({ name }) => name))
  const isReadAsNamed = ({ name, ending }: EventType): boolean =>
    !names.has(name) && (ending?.into.some((type) => names.has(type.name)) ?? false)
  return [...named, ...declared.filter(isReadAsNamed)]
}

function isRetired({ ending }: EventType): boolean {
  return ending?.into.length === 0
}

function describeUnknown(name: string, version: number, position: string): string {
  return [
    `${position}: this code does not know ${name} version ${version}.`,
    'If newer code wrote it, deploy that code.',
    `If the type was renamed, declare .formerly('${name}') on the new type.`,
    `If it has ended, list retired('${name}'), or its declaration with .readAs(…).`,
  ].join(' ')
}

function checkRead(type: EventType, data: unknown, position: string): unknown {
  // A view reads sealed texts, which need not fit. The texts for forgotten fields do.
  const masked = hasSealed(data) ? mapTexts(data, maskText) : data
  const result = validate(type.schema, masked)
  if (result.outcome === 'valid') return masked === data ? result.value : restoreTexts(result.value, data)
  const what = `${position} does not fit the schema of ${type.name} version ${type.version}`
  throw new TidemarkError('event-unreadable', `${what}: ${describeMisfit(type, result.issues)}`)
}

/** Upcasts data to the newest version. Data of a newer version stays unchanged. */
function upcast(type: EventType, from: number, data: unknown, position: string): unknown {
  try {
    return type.versions
      .filter(({ version, since = version }) => since > from)
      .reduce((older, { upcast }) => upcast?.(older as never), data)
  } catch (error) {
    // An upcaster accepts all data that fits its version, so this data does not fit.
    const cause = hideTexts(type, error)
    const what = `${position} does not fit the schema of ${type.name} version ${from}`
    throw new TidemarkError('event-unreadable', what, { cause })
  }
}

/** The events that an ended type is read as, numbered before any is left out: every reader has the same parts. */
function split(type: EventType, data: unknown, position: string): readonly ReadContent[] {
  const { name, ending } = type
  let made: readonly DomainEvent[]
  try {
    made = ending?.split(data as never) ?? []
  } catch (error) {
    const cause = hideTexts(type, error)
    throw new TidemarkError('event-unreadable', `${position}: ${name} cannot be read as other events`, { cause })
  }
  return made.map((event, index) => {
    const into = ending?.into.find((each) => each.name === event.type)
    if (into === undefined)
      throw new TidemarkError('event-unreadable', `${position}: ${name} is not declared to be read as ${event.type}`)
    return { type: into.name, data: checkRead(into, event.data, position), ...(index > 0 ? { part: index + 1 } : {}) }
  })
}

/** What code threw that read an event of this type, to be logged: without its message if it read personal texts. */
export function hideTexts({ name, versions }: EventType, error: unknown): unknown {
  const isPersonal = versions.some(({ schema }) => listPersonalFields(schema).length > 0)
  return isPersonal ? withoutMessage(error, `the code that reads ${name}`) : error
}
