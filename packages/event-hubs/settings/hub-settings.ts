import { checkArray, checkMembers, invalid, optionalWholeNumber, wholeNumber } from '../../kit/settings-check.ts'

/** Limits of retained events: age, and megabytes per partition. The first one reached applies; undefined: no limit. */
export interface Retention {
  readonly retentionHours?: number | undefined
  readonly retentionMegabytes?: number | undefined
}

/** A hub to serve. Comparison of names ignores case. The group `$Default` always exists. */
export interface HubSettings extends Retention {
  readonly name: string
  readonly partitions: number
  readonly consumerGroups: readonly string[]
}

// Limits of the service, https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas: partitions and
// consumer groups of the standard tier, retention of the premium tier (90 days).
export const MAX_PARTITIONS = 32
export const MAX_GROUPS = 20
const MAX_RETENTION_HOURS = 90 * 24
/** 1 TB: the premium tier's storage for one processing unit. */
const MAX_RETENTION_MEGABYTES = 1024 * 1024

export const DEFAULT_GROUP = '$Default'

// https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsofteventhub
const HUB_NAME = /^[a-z0-9]([\w.-]{0,254}[a-z0-9_])?$/i
const GROUP_NAME = /^[a-z0-9_$]([\w.-]{0,48}[a-z0-9_])?$/i

const PROPERTIES = ['partitions', 'consumerGroups', 'retentionHours', 'retentionMegabytes'] as const

/**
 * Reads `{"name", "partitions", "consumerGroups", "retentionHours"?, "retentionMegabytes"?}`.
 * @throws InvalidSettings for a hub that the service would not create.
 */
export function readHub(value: unknown, place: string): HubSettings {
  const { name, ...properties } = checkMembers(value, place, ['name', ...PROPERTIES])
  return checkHub(name, properties, place)
}

/**
 * Reads a hub's properties without its name, which the caller passes. Only the number of partitions is
 * required.
 * @throws InvalidSettings
 */
export function readHubProperties(name: string, value: unknown): HubSettings {
  const properties = checkMembers(value, '', PROPERTIES)
  return checkHub(name, { consumerGroups: [], ...properties }, '')
}

/** @throws InvalidSettings */
export function checkHub(
  name: unknown,
  properties: Readonly<Partial<Record<(typeof PROPERTIES)[number], unknown>>>,
  place: string,
): HubSettings {
  if (typeof name !== 'string' || !HUB_NAME.test(name))
    throw invalid(place, `${JSON.stringify(name)} is not a hub name`)
  const hub = place === '' ? `hub ${name}` : `${place}: hub ${name}`
  return {
    name,
    partitions: wholeNumber(properties.partitions, hub, 'partitions', { min: 1, max: MAX_PARTITIONS }),
    consumerGroups: readGroups(properties.consumerGroups, hub),
    retentionHours: optionalWholeNumber(properties.retentionHours, hub, 'retentionHours', {
      min: 1,
      max: MAX_RETENTION_HOURS,
    }),
    retentionMegabytes: optionalWholeNumber(properties.retentionMegabytes, hub, 'retentionMegabytes', {
      min: 1,
      max: MAX_RETENTION_MEGABYTES,
    }),
  }
}

/** @throws InvalidSettings */
export function checkGroupName(name: unknown, place: string): string {
  if (typeof name !== 'string' || !GROUP_NAME.test(name))
    throw invalid(place, `${JSON.stringify(name)} is not a consumer group name`)
  return name
}

function readGroups(value: unknown, hub: string): readonly string[] {
  const groups = checkArray(value, hub, 'consumerGroups').map((group) => checkGroupName(group, hub))
  if (groups.length > MAX_GROUPS) throw invalid(hub, `"consumerGroups" must be at most ${MAX_GROUPS} names`)
  const twice = findRepeated(groups)
  if (twice !== undefined) throw invalid(hub, `consumer group ${twice} is listed twice`)
  return groups
}

/** Returns the first repeated name, ignoring case; undefined if there is none. */
export function findRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name.toLowerCase())) return name
    seen.add(name.toLowerCase())
  }
  return undefined
}
