import type { EventType, EventVersion, Service } from 'tidemark'
import { buildJsonSchema, formatDataschema, formatSource } from 'tidemark/tools'
import type { JsonObject } from './json.ts'

/** The JSON Schema of one version of an event: what its readers are told. */
export interface EventSchema extends JsonObject {
  readonly $id: string
  readonly 'x-version': number
  readonly 'x-change': EventVersion['change']
  /** The oldest version whose readers can read this one. */
  readonly 'x-readable-from': number
}

/** An event type in one of its two roles: what a service keeps in its log, or what it tells others. */
export interface DeclaredEvent {
  /** `events`: what the log keeps. `contract`: what others are told. */
  readonly role: 'events' | 'contract'
  readonly type: EventType
  /** Whether it is told in place of another that is kept, or kept in place of another that is told. */
  readonly translated: boolean
}

/** Every event of a service, in each of its roles. */
export function declaredEvents({ deciders, publishes }: Service): readonly DeclaredEvent[] {
  const privateTypes = new Set(deciders.flatMap(({ events }) => events))
  return [
    ...[...privateTypes].map((type): DeclaredEvent => {
      const translated = publishes.some(
        ({ privateEvent: recorded, translate }) => recorded.name === type.name && translate,
      )
      return { role: 'events', type, translated }
    }),
    ...publishes.map(
      ({ publicEvent: published, translate }): DeclaredEvent => ({
        role: 'contract',
        type: published,
        translated: !!translate,
      }),
    ),
  ]
}

/** `OrderPlaced.v2` */
export function versionName(type: Pick<EventType, 'name'>, version: number): string {
  return `${type.name}.v${version}`
}

/**
 * @throws TidemarkError `internal` where there is no JSON Schema of it.
 * @throws Error for a schema that refuses fields that it does not name: nobody who reads by it could read a
 * later version.
 */
export function buildEventSchema(
  service: string,
  { role, type, translated }: DeclaredEvent,
  version: number,
): EventSchema {
  const { change, schema, readableFrom } = findVersion(type, version)
  const what = `${versionName(type, version)} of ${service}`
  const jsonSchema = buildJsonSchema(schema, what)
  const closed = findClosed(jsonSchema)
  if (closed !== undefined)
    throw new Error(`the schema of ${what} is strict at ${closed || '/'}: no reader of it could read a field more`)
  const urn = formatDataschema(formatSource(service, ''), { type: type.name, schemaVersion: version })
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    // What is kept in place of what is told is never named by a message's `dataschema`.
    $id: role === 'events' && translated ? `${urn}:recorded` : urn,
    title: type.name,
    'x-version': version,
    'x-change': change,
    'x-readable-from': readableFrom,
    ...jsonSchema,
  }
}

function findVersion(type: EventType, version: number): EventVersion {
  const found = type.versions[version - 1]
  if (found === undefined) throw new RangeError(`${type.name} has no version ${version}`)
  return found
}

/** The JSON Pointer of the first place that is closed to fields that it does not name. */
function findClosed(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined
  for (const [key, value] of Object.entries(schema)) {
    if (value === false && (key === 'additionalProperties' || key === 'unevaluatedProperties')) return ''
    const below = findClosed(value)
    if (below !== undefined) return `/${key}${below}`
  }
  return undefined
}
