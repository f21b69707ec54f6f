import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../../kit/durable-files.ts'
import { StartError } from '../../kit/errors.ts'
import { DEFAULT_GROUP, type HubSettings, MAX_GROUPS, type Retention } from '../settings/hub-settings.ts'

/** What is stored about a hub besides its events, in `hub.json` in its folder. */
export interface HubMetadata extends Retention {
  readonly name: string
  /** ISO 8601. */
  readonly createdAt: string
  readonly partitions: number
  /** True for a hub created while running: it exists even if the configuration file does not name it. */
  readonly createdWhileRunning: boolean
  /** The groups created while running, without those that the configuration file names. */
  readonly consumerGroups: readonly string[]
  /** The hub's settings in the configuration file at the last start. */
  readonly file?: Pick<HubSettings, 'partitions' | keyof Retention> | undefined
}

/** A change that the hub's present state does not allow. */
export class HubConflict extends Error {
  override name = 'HubConflict'
}

/**
 * Returns the metadata of a hub of the configuration file at the start. Settings edited in the file take
 * effect. Unedited settings do not undo changes made while running.
 * @param home the hub's folder, for the error.
 * @throws StartError if the file's number of partitions was edited and is not the hub's number.
 */
export function applyConfiguration(
  found: HubMetadata | undefined,
  settings: HubSettings,
  home: string,
  now: Date,
): HubMetadata {
  const { name, partitions, retentionHours, retentionMegabytes } = settings
  const file = { partitions, retentionHours, retentionMegabytes }
  if (!found) return { ...newHub(name, file, now), createdWhileRunning: false, file }
  if (partitions !== found.partitions && partitions !== found.file?.partitions)
    throw new StartError(
      `hub ${name} has ${found.partitions} partitions in ${home}, but ${partitions} are configured: ` +
        `configure ${found.partitions}, or remove the folder to start with an empty hub`,
    )
  const edited = retentionHours !== found.file?.retentionHours || retentionMegabytes !== found.file?.retentionMegabytes
  return { ...found, name, file, ...(edited && { retentionHours, retentionMegabytes }) }
}

/** Returns the metadata of a hub created while running. */
export function createMetadata(settings: HubSettings, now: Date): HubMetadata {
  return applyChange({ ...newHub(settings.name, settings, now), createdWhileRunning: true }, settings, [])
}

/**
 * Returns a hub's metadata after a change while running. It adds partitions and groups, and sets the
 * retention members that are given.
 * @param fileGroups groups that the configuration file names.
 * @throws HubConflict for fewer partitions than now, which the real service refuses too, or for too many
 * groups.
 */
export function applyChange(found: HubMetadata, settings: HubSettings, fileGroups: readonly string[]): HubMetadata {
  if (settings.partitions < found.partitions)
    throw new HubConflict(
      `hub ${found.name} has ${found.partitions} partitions: more can be added, none can be removed`,
    )
  const consumerGroups = [...found.consumerGroups]
  for (const group of settings.consumerGroups)
    if (!includesName([DEFAULT_GROUP, ...fileGroups, ...consumerGroups], group)) consumerGroups.push(group)
  if (consumerGroups.length > found.consumerGroups.length && fileGroups.length + consumerGroups.length > MAX_GROUPS)
    throw new HubConflict(
      `hub ${found.name} would have more than ${MAX_GROUPS} consumer groups besides ${DEFAULT_GROUP}`,
    )
  return {
    ...found,
    partitions: settings.partitions,
    consumerGroups,
    retentionHours: settings.retentionHours ?? found.retentionHours,
    retentionMegabytes: settings.retentionMegabytes ?? found.retentionMegabytes,
  }
}

/** Whether the list has the name, ignoring case. */
export function includesName(names: readonly string[], name: string): boolean {
  return names.some((other) => other.toLowerCase() === name.toLowerCase())
}

/**
 * Loads the metadata of every hub below `folder`, by the hub's name in lower case.
 * @throws StartError if one is damaged.
 */
export async function loadHubs(folder: string): Promise<ReadonlyMap<string, HubMetadata>> {
  const hubs = new Map<string, HubMetadata>()
  for (const entry of await readdir(folder)) {
    const metadata = await loadHub(join(folder, entry))
    if (metadata) hubs.set(entry, metadata)
  }
  return hubs
}

/** @throws StartError if the metadata is damaged. */
export async function loadHub(home: string): Promise<HubMetadata | undefined> {
  const text = await readStored(home)
  return text === undefined ? undefined : parse(buildPath(home), text)
}

/** Stores the metadata, if it has changed. */
export async function saveHub(home: string, metadata: HubMetadata): Promise<void> {
  const text = `${JSON.stringify(metadata)}\n`
  if ((await readStored(home)) !== text) await writeDurably(buildPath(home), text)
}

const buildPath = (home: string): string => join(home, 'hub.json')

async function readStored(home: string): Promise<string | undefined> {
  try {
    return await readFile(buildPath(home), 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}

function newHub(
  name: string,
  { partitions, retentionHours, retentionMegabytes }: Omit<HubSettings, 'name' | 'consumerGroups'>,
  now: Date,
): Omit<HubMetadata, 'createdWhileRunning'> {
  return { name, createdAt: now.toISOString(), partitions, consumerGroups: [], retentionHours, retentionMegabytes }
}

/** Reads also files of earlier versions, which have only name, partitions and createdAt. */
function parse(path: string, text: string): HubMetadata {
  try {
    const value = JSON.parse(text) as HubMetadata
    if (Number.isInteger(value.partitions) && !Number.isNaN(Date.parse(value.createdAt)))
      return {
        ...value,
        createdWhileRunning: value.createdWhileRunning ?? false,
        consumerGroups: value.consumerGroups ?? [],
      }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  throw new StartError(`${path} is damaged: restore it, or remove its folder to start with an empty hub`)
}
