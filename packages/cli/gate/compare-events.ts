import type { JsonObject } from '../schemas/json.ts'
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

/**
 * Compares the versions of all events with the released ones. A released version must never change.
 */
export function compareEvents(released: Documents, now: Documents): Report {
  const [before, after] = [groupVersions(released), groupVersions(now)]
  const refused: string[] = []
  const breaking: string[] = []
  for (const [key, { service, type, isPublic, schemas }] of before) {
    const current = after.get(key)
    if (current === undefined) {
      refused.push(
        isPublic
          ? `${service}: ${type} is no longer published: ${describeFollowers(released, service, type)}`
          : `${service}: ${type} is removed, but logs keep it for ever`,
      )
      continue
    }
    for (const [version, schema] of schemas) {
      const edits = describeEdits(schema, current.schemas.get(version))
      if (edits) refused.push(`${formatName(current, version)} ${edits}`)
    }
  }
  for (const [key, versions] of after) {
    const known = before.get(key)?.schemas
    const numbers = [...versions.schemas.keys()].toSorted((a, b) => a - b)
    for (const [index, version] of numbers.entries()) {
      const schema = versions.schemas.get(version)
      if (version !== index + 1 && !known?.has(version)) {
        refused.push(`${formatName(versions, version)} has no version ${version - 1} before it`)
        break
      }
      if (schema === undefined || known?.has(version)) continue
      const step = checkNewVersion(versions, version, schema)
      if (step) refused.push(`${formatName(versions, version)} ${step}`)
      else if (schema['x-change'] === 'breaking')
        breaking.push(`${formatName(versions, version)} ${describeHolders(released, versions)}`)
    }
  }
  const counted = [...before.values()].reduce((sum, { schemas }) => sum + schemas.size, 0)
  return { ...nothingFound, refused, breaking, counted: { ...nothingFound.counted, versions: counted } }
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
    const key = `${service}/${role}/${type}`
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
  const differences = [...subsetDifferences(after, before), ...subsetDifferences(before, after)]
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
  const differences = subsetDifferences(schema, schemas.get(version - 1))
  if (differences.length === 0) return undefined
  return `is declared additive, but readers of version ${version - 1} cannot read it: ${describeAll(differences)}`
}

function formatName({ service, type, isPublic }: Versions, version: number): string {
  return `${service}: ${type} version ${version} (${isPublic ? 'contract' : 'log'})`
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
