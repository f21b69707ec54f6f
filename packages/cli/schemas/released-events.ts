import type { EventType, EventVersion } from 'tidemark'
import { buildEventSchema, type DeclaredEvent, type EventSchema, mergedSchema } from './event-schema.ts'
import { isObject, type JsonObject } from './json.ts'

/** Files below `schemas/`, each with its text. */
export type SchemaFiles = ReadonlyMap<string, string>

/** A version of an event under the name with which it is in the log. */
export interface StoredVersion {
  readonly name: string
  readonly version: number
  readonly schema: EventSchema
}

/** What is said in the schemas of an event about its names and its end. */
type Marks = Readonly<
  Partial<
    Record<'x-formerly' | 'x-becoming' | 'x-read-as', readonly string[]> &
      Record<'x-renamed-to', string> &
      Record<'x-retired' | 'deprecated', true>
  >
>

const MARKS = ['deprecated', 'x-formerly', 'x-becoming', 'x-renamed-to', 'x-read-as', 'x-retired']

/**
 * All versions of an event that are in the log: those of its own name, and those of its former names. The code
 * has no schema of a retired type, of a former name, or of merged versions. Theirs stay as they were released.
 * @param earlier the current files of `schemas/`.
 */
export function listStoredVersions(
  service: string,
  declared: DeclaredEvent,
  earlier: SchemaFiles,
): readonly StoredVersion[] {
  const { role, type } = declared
  const released = (name: string): readonly StoredVersion[] => readReleased(earlier, `${service}/${role}/`, name)
  const own = type.versions.flatMap((version) => listOwn(service, declared, version, released(type.name)))
  const named = type.versions.length > 0 ? own : released(type.name)
  return [
    ...named.map((each) => ({ ...each, schema: mark(each.schema, describeEnd(type)) })),
    ...type.formerNames.flatMap((name) =>
      released(name).map((each) => ({
        ...each,
        schema: mark(each.schema, { deprecated: true, 'x-renamed-to': type.name }),
      })),
    ),
  ]
}

function listOwn(
  service: string,
  declared: DeclaredEvent,
  { version, since }: EventVersion,
  released: readonly StoredVersion[],
): readonly StoredVersion[] {
  const { name } = declared.type
  if (since === undefined) return [{ name, version, schema: buildEventSchema(service, declared, version) }]
  const merged = released.filter((each) => each.version >= since && each.version <= version)
  const isReleased = merged.some((each) => each.version === version)
  return isReleased ? merged : [...merged, { name, version, schema: buildEventSchema(service, declared, version) }]
}

/** The schemas that today's code reads merged versions with, by file name. */
export function listMergedSchemas(service: string, { type }: DeclaredEvent): ReadonlyMap<string, JsonObject> {
  return new Map(
    type.versions.flatMap((each) =>
      each.since === undefined
        ? []
        : [[`${type.name}.v${each.since}-v${each.version}.json`, mergedSchema(service, type, each)] as const],
    ),
  )
}

function describeEnd({ formerNames, comingNames, ending }: EventType): Marks {
  const into = ending?.into.map(({ name }) => name) ?? []
  return {
    ...(ending ? { deprecated: true } : {}),
    ...(formerNames.length > 0 ? { 'x-formerly': formerNames } : {}),
    ...(comingNames.length > 0 ? { 'x-becoming': comingNames } : {}),
    ...(into.length > 0 ? { 'x-read-as': into } : {}),
    ...(ending && into.length === 0 ? { 'x-retired': true } : {}),
  }
}

/** Writes the marks after the fields that say what the schema is of, and removes those of before. */
function mark(schema: EventSchema, marks: Marks): EventSchema {
  const { $schema, $id, title, 'x-version': version, 'x-change': change, 'x-readable-from': from, ...rest } = schema
  const kept = Object.entries(rest).filter(([field]) => !MARKS.includes(field))
  const head = { $schema, $id, title, 'x-version': version, 'x-change': change, 'x-readable-from': from }
  return { ...head, ...marks, ...Object.fromEntries(kept) }
}

function readReleased(files: SchemaFiles, folder: string, name: string): readonly StoredVersion[] {
  return [...files]
    .flatMap(([file, text]) => {
      const [, version] = file.startsWith(`${folder}${name}.v`) ? (/\.v([0-9]+)\.json$/.exec(file) ?? []) : []
      if (version === undefined || file !== `${folder}${name}.v${version}.json`) return []
      const schema: unknown = JSON.parse(text)
      return isObject(schema) ? [{ name, version: Number(version), schema: schema as EventSchema }] : []
    })
    .toSorted((one, other) => one.version - other.version)
}
