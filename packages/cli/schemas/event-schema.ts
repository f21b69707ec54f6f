import type { EventType, EventVersion, Service } from 'tidemark'
import { buildJsonSchema, formatDataschema, formatSource } from 'tidemark/tools'
import type { JsonObject } from './json.ts'

/** The JSON Schema of one version of an event, for its readers. */
export interface EventSchema extends JsonObject {
  readonly $id: string
  /** The name of the type, as stored. */
  readonly title: string
  readonly 'x-version': number
  readonly 'x-change': EventVersion['change']
  /** The oldest version whose readers can read this one. */
  readonly 'x-readable-from': number
}

/** An event type in one of its two roles: private event or public event. */
export interface DeclaredEvent {
  /** `events`: the private event, in the log. `contract`: the public event. */
  readonly role: 'events' | 'contract'
  readonly type: EventType
  /** Whether the private event and the public event differ. */
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
 * @throws TidemarkError `internal` if it has no JSON Schema.
 * @throws Error for a schema that refuses undeclared fields: its readers could not read a later version.
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
    throw new Error(`the schema of ${what} is strict at ${closed || '/'}: its readers could not read a new field`)
  const urn = formatDataschema(formatSource(service, ''), { type: type.name, schemaVersion: version })
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    // A message's `dataschema` never names a private event that differs from the public one.
    $id: role === 'events' && translated ? `${urn}:recorded` : urn,
    title: type.name,
    'x-version': version,
    'x-change': change,
    'x-readable-from': readableFrom,
    ...jsonSchema,
  }
}

/** The schema that merged versions are read with. */
export function mergedSchema(service: string, type: EventType, declared: EventVersion): JsonObject {
  const { version, since, schema, readableFrom } = declared
  const what = `versions ${since} to ${version} of ${type.name} of ${service}`
  const merged = {
    'x-since': since,
    'x-version': version,
    'x-readable-from': readableFrom,
    ...buildJsonSchema(schema, what),
  }
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', title: type.name, ...merged }
}

function findVersion(type: EventType, version: number): EventVersion {
  const found = type.versions.find((each) => each.version === version)
  if (found === undefined) throw new RangeError(`${type.name} has no version ${version}`)
  return found
}

/** The JSON Pointer of the first place that refuses undeclared fields. */
function findClosed(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined
  for (const [key, value] of Object.entries(schema)) {
    if (value === false && (key === 'additionalProperties' || key === 'unevaluatedProperties')) return ''
    const below = findClosed(value)
    if (below !== undefined) return `/${key}${below}`
  }
  return undefined
}
