import { readFile } from 'node:fs/promises'
import { StartError } from '../kit/errors.ts'

/** A hub to serve. Names are compared without case; the group `$Default` is always there. */
export interface HubSettings {
  readonly name: string
  readonly partitions: number
  readonly consumerGroups: readonly string[]
}

// Limits of the service's standard tier: https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas
const MAX_PARTITIONS = 32
const MAX_GROUPS = 20
const HUB_NAME = /^[a-z0-9]([\w.-]{0,254}[a-z0-9_])?$/i
const GROUP_NAME = /^[a-z0-9_$]([\w.-]{0,48}[a-z0-9_])?$/i

/**
 * Reads `{"hubs": [{"name", "partitions", "consumerGroups"}]}`.
 * @throws StartError that names the file and what is wrong with it.
 */
export async function readHubSettings(path: string): Promise<readonly HubSettings[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new StartError(`${path} is no JSON: ${(error as Error).message}`)
  }
  const { hubs } = (value ?? {}) as { hubs?: unknown }
  if (!Array.isArray(hubs)) throw new StartError(`${path}: "hubs" must be an array`)
  try {
    return validateHubs(hubs)
  } catch (error) {
    if (error instanceof StartError) throw new StartError(`${path}: ${error.message}`)
    throw error
  }
}

/** @throws StartError for the first hub that the service would not create. */
export function validateHubs(hubs: readonly unknown[]): readonly HubSettings[] {
  const seen = new Set<string>()
  return hubs.map((hub) => {
    const { name, partitions, consumerGroups } = (hub ?? {}) as Partial<Record<keyof HubSettings, unknown>>
    if (typeof name !== 'string' || !HUB_NAME.test(name)) throw new StartError(`${JSON.stringify(name)} is no hub name`)
    if (seen.has(name.toLowerCase())) throw new StartError(`hub ${name} is listed twice`)
    seen.add(name.toLowerCase())
    if (!Number.isInteger(partitions) || Number(partitions) < 1 || Number(partitions) > MAX_PARTITIONS)
      throw new StartError(`hub ${name}: "partitions" must be 1 to ${MAX_PARTITIONS}`)
    if (!Array.isArray(consumerGroups) || consumerGroups.length > MAX_GROUPS)
      throw new StartError(`hub ${name}: "consumerGroups" must be an array of at most ${MAX_GROUPS} names`)
    for (const group of consumerGroups)
      if (typeof group !== 'string' || !GROUP_NAME.test(group))
        throw new StartError(`hub ${name}: ${JSON.stringify(group)} is no consumer group name`)
    return { name, partitions: Number(partitions), consumerGroups: consumerGroups as string[] }
  })
}
