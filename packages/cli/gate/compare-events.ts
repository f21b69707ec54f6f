import { isObject, type JsonObject } from '../schemas/json.ts'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'
import { type Difference, subsetDifferences } from './schema-subset.ts'

/** The versions of one event in one of its roles: private event or public event. */
interface Versions {
  readonly service: string
  readonly type: string
  readonly isPublic: boolean
  readonly schemas: ReadonlyMap<number, JsonObject>
}

const FILE = /^([^/]+)\/(events|contract)\/(.+)\.v([0-9]+)\.json$/
const MERGED = /^([^/]+)\/(events|contract)\/(.+)\.v([0-9]+)-v([0-9]+)\.json$/

/**
 * Compares the versions of all events with the released ones. A released version must never change, and no name
 * may disappear or get another meaning.
 */
export function compareEvents(released: Documents, now: Documents): Report {
  const [before, after] = [groupVersions(released), groupVersions(now)]
  const refused: string[] = []
  const breaking: string[] = []
  for (const [key, was] of before) {
    const current = after.get(key)
    if (current === undefined) {
      refused.push(describeRemoval(released, was))
      continue
    }
    for (const [version, schema] of was.schemas) {
      const edits = describeEdits(schema, current.schemas.get(version))
      if (edits) refused.push(`${formatName(current, version)} ${edits}`)
    }
    const end = checkEnd({ released, now }, was, current)
    if (end) refused.push(`${formatType(current)} ${end}`)
  }
  for (const [key, versions] of after) {
    const known = new Map([...listFormer(before, versions), ...(before.get(key)?.schemas ?? [])])
    const numbers = [...versions.schemas.keys()].toSorted((a, b) => a - b)
    for (const [index, version] of numbers.entries()) {
      const schema = versions.schemas.get(version)
      if (version !== index + 1 && !known.has(version)) {
        refused.push(`${formatName(versions, version)} has no version ${version - 1} before it`)
        break
      }
      if (schema === undefined || before.get(key)?.schemas.has(version)) continue
      const was = known.get(version)
      const step = was ? describeEdits(was, schema) : checkNewVersion(versions, version, schema)
      if (step) refused.push(`${formatName(versions, version)} ${step}`)
      else if (!was && schema['x-change'] === 'breaking')
        breaking.push(`${formatName(versions, version)} ${describeHolders(released, versions)}`)
    }
  }
  const counted = [...before.values()].reduce((sum, { schemas }) => sum + schemas.size, 0)
  refused.push(...compareMerged(released, now))
  return { ...nothingFound, refused, breaking, counted: { ...nothingFound.counted, versions: counted } }
}

function describeRemoval(released: Documents, { service, type, isPublic }: Versions): string {
  const followed = isPublic
    ? `is no longer published: ${describeFollowers(released, service, type)}`
    : 'is removed, but logs keep it for ever'
  return (
    `${service}: ${type} ${followed}. If it was renamed, declare .formerly('${type}') on the new type. ` +
    `If it has ended, list retired('${type}'), or its declaration with .readAs(…)`
  )
}

/** The released versions of the former names of a type: its own versions continue them. */
function listFormer(
  before: ReadonlyMap<string, Versions>,
  { service, isPublic, schemas }: Versions,
): ReadonlyMap<number, JsonObject> {
  const names = readNames(newest(schemas), 'x-formerly')
  return new Map(names.flatMap((name) => [...(before.get(formatKey(service, isPublic, name))?.schemas ?? [])]))
}

/**
 * Describes what is wrong with a name or an end that was declared since the release. Deployed readers skip a
 * type that they do not know, so they must know a new name before anybody writes it.
 */
function checkEnd(
  { released, now }: { readonly released: Documents; readonly now: Documents },
  was: Versions,
  is: Versions,
): string | undefined {
  const { service, type, isPublic } = is
  const [before, after] = [newest(was.schemas), newest(is.schemas)]
  const ended = describeEnd(before)
  if (ended !== undefined && describeEnd(after) === undefined)
    return `${ended}, and is declared as a live type now: choose a new name, because logs have this one for ever`
  if (ended !== undefined) return undefined
  const name = after['x-renamed-to']
  if (typeof name === 'string' && !readNames(before, 'x-becoming').includes(name))
    return `is renamed ${name}, which deployed readers would skip: first release ${type} with .becoming('${name}')`
  const role = isPublic ? 'contract' : 'events'
  const isReleased = (each: string): boolean => released.has(`${service}/${role}/${each}.v1.json`)
  const unknown = readNames(after, 'x-read-as').filter((each) => !isReleased(each))
  if (unknown.length > 0)
    return `is read as ${unknown.join(', ')}, which deployed readers would skip: first release ${type} beside them`
  const followers = isPublic && after['x-retired'] === true ? listFollowers(now, service, type) : []
  return followers.length > 0 ? `is retired, but is still followed by ${followers.join(', ')}` : undefined
}

/** Says how a type has ended. Undefined: it is written. */
function describeEnd(schema: JsonObject): string | undefined {
  if (schema['x-retired'] === true) return 'was retired'
  if (typeof schema['x-renamed-to'] === 'string') return `was renamed ${schema['x-renamed-to']}`
  const names = readNames(schema, 'x-read-as')
  return names.length > 0 ? `has ended and is read as ${names.join(', ')}` : undefined
}

function readNames(schema: JsonObject, field: 'x-formerly' | 'x-becoming' | 'x-read-as'): readonly string[] {
  const names = schema[field]
  return Array.isArray(names) ? names.map(String) : []
}

function newest(schemas: ReadonlyMap<number, JsonObject>): JsonObject {
  return schemas.get(Math.max(...schemas.keys())) ?? {}
}

/** The schema without undeclared fields. */
function closeObjects(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closeObjects)
  if (!isObject(schema)) return schema
  const below = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closeObjects(value)]))
  return isObject(schema.properties) ? { additionalProperties: false, ...below } : below
}

/** Describes each released version that today's code could not read with the schema of its merged versions. */
function compareMerged(released: Documents, now: Documents): readonly string[] {
  return [...now].flatMap(([file, merged]) => {
    const [, service = '', role = '', type = '', since, through] = MERGED.exec(file) ?? []
    if (service === '') return []
    const versions = groupVersions(new Map([...now, ...released])).get(`${service}/${role}/${type}`)
    return [...(versions?.schemas ?? [])].flatMap(([version, schema]) => {
      if (versions === undefined || version < Number(since) || version > Number(through)) return []
      if (version === Number(through) && Number(merged['x-readable-from']) < Number(schema['x-readable-from']))
        return [
          `${formatName(versions, version)} is merged with readableFrom ${merged['x-readable-from']}, ` +
            `but was released with ${schema['x-readable-from']}`,
        ]
      // Writing is strict, so data of a version have no other fields.
      const differences = subsetDifferences(closeObjects(schema), merged)
      if (differences.length === 0) return []
      const what = `is merged, but the schema of versions ${since} to ${through} does not fit it`
      return [`${formatName(versions, version)} ${what}: ${describeAll(differences)}`]
    })
  })
}

/** A new version of an event that breaks with what was released. */
export interface Break {
  readonly writer: string
  readonly event: string
  /** The services that follow the event. Each waits at it until the service itself is deployed. */
  readonly followers: readonly string[]
}

/** The new versions of events that break with what was released. */
export function findBreaks(released: Documents, now: Documents): readonly Break[] {
  const before = groupVersions(released)
  return [...groupVersions(now)].flatMap(([key, { service, type, isPublic, schemas }]) =>
    [...schemas]
      .filter(
        ([version, schema]) => isPublic && !before.get(key)?.schemas.has(version) && schema['x-change'] === 'breaking',
      )
      .map(([version]) => ({
        writer: service,
        event: `${type} version ${version}`,
        followers: listFollowers(released, service, type).filter((follower) => follower !== service),
      })),
  )
}

function groupVersions(documents: Documents): ReadonlyMap<string, Versions> {
  const found = new Map<string, Versions & { schemas: Map<number, JsonObject> }>()
  for (const [file, schema] of documents) {
    const [, service = '', role = '', type = '', version = ''] = FILE.exec(file) ?? []
    if (service === '') continue
    const key = formatKey(service, role === 'contract', type)
    const versions = found.get(key) ?? { service, type, isPublic: role === 'contract', schemas: new Map() }
    versions.schemas.set(Number(version), schema)
    found.set(key, versions)
  }
  return found
}

/** Describes how a released version was changed. */
function describeEdits(before: JsonObject, after: JsonObject | undefined): string | undefined {
  if (after === undefined) return 'is removed, but it was released and logs keep it for ever'
  for (const field of ['x-change', 'x-readable-from'])
    if (before[field] !== after[field])
      return `was edited after its release: ${field} was ${before[field]} and is now ${after[field]}`
  const differences = [
    ...subsetDifferences(after, before),
    ...subsetDifferences(before, after),
    ...markDifferences(before, after),
  ]
  if (differences.length === 0) return undefined
  const fields = [...new Set(differences.map((each) => each.at || 'the whole'))]
  return `was edited after its release: ${fields.join(', ')}. Declare a new version instead`
}

/** Describes what is wrong with a new version. */
function checkNewVersion({ schemas }: Versions, version: number, schema: JsonObject): string | undefined {
  const change = schema['x-change']
  if (version === 1) return change === 'first' ? undefined : 'is the first version, but is not declared as first'
  if (change === 'breaking') return undefined
  if (change !== 'additive') return `is declared ${change}: it must be additive or breaking`
  const before = schemas.get(version - 1)
  const differences = [...subsetDifferences(schema, before), ...markDifferences(before, schema)]
  if (differences.length === 0) return undefined
  return `is declared additive, but readers of version ${version - 1} cannot read it: ${describeAll(differences)}`
}

/** The fields of both schemas of which only one is personal: readers of the other find the wrong thing there. */
function markDifferences(before: unknown, after: unknown, place = ''): readonly Difference[] {
  if (!isObject(before) || !isObject(after)) return []
  if (before['x-personal'] !== after['x-personal'])
    return [{ at: place, what: after['x-personal'] === true ? 'becomes personal' : 'is no longer personal' }]
  const [names, others] = [before.properties, after.properties].map((each) => (isObject(each) ? each : {}))
  return [
    ...Object.entries(names ?? {}).flatMap(([name, each]) =>
      markDifferences(each, others?.[name], place === '' ? name : `${place}.${name}`),
    ),
    ...markDifferences(before.items, after.items, `${place}[]`),
  ]
}

function formatName({ service, type, isPublic }: Versions, version: number): string {
  return `${service}: ${type} version ${version} (${isPublic ? 'contract' : 'log'})`
}

function formatType({ service, type, isPublic }: Versions): string {
  return `${service}: ${type} (${isPublic ? 'contract' : 'log'})`
}

function formatKey(service: string, isPublic: boolean, type: string): string {
  return `${service}/${isPublic ? 'contract' : 'events'}/${type}`
}

export function describeAll(differences: readonly Difference[]): string {
  return differences.map(({ at, what }) => `${at || 'it'} ${what}`).join('; ')
}

function describeHolders(released: Documents, { service, type, isPublic }: Versions): string {
  if (!isPublic) return `breaks: ${service}'s own consumers wait at it until deployed with it`
  const followers = listFollowers(released, service, type)
  if (followers.length === 0) return 'breaks: no service follows it'
  return `breaks: ${followers.join(', ')} wait${followers.length > 1 ? '' : 's'} at it until deployed with it`
}

function describeFollowers(released: Documents, service: string, type: string): string {
  const followers = listFollowers(released, service, type)
  return followers.length === 0 ? 'no service here follows it' : `followed by ${followers.join(', ')}`
}

/** The services that receive an event, by their AsyncAPI documents. */
function listFollowers(documents: Documents, service: string, type: string): readonly string[] {
  const message = new RegExp(`^#/channels/${service}/messages/${type}\\.v[0-9]+$`)
  return [...documents].flatMap(([file, document]) => {
    const follower = /^([^/]+)\/asyncapi\.json$/.exec(file)?.[1]
    if (follower === undefined) return []
    const receives = Object.values(at(document, 'operations') ?? {}).some(
      (operation) =>
        at(operation, 'action') === 'receive' &&
        ((at(operation, 'messages') ?? []) as readonly unknown[]).some((each) =>
          message.test(String(at(each, '$ref'))),
        ),
    )
    return receives ? [follower] : []
  })
}
