import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../kit/durable-files.ts'
import { StartError } from '../../kit/errors.ts'
import { Faults } from '../faults/faults.ts'
import { Throttle } from '../faults/throttle.ts'
import type { HubSettings } from '../settings/hub-settings.ts'
import type { NamespaceSettings } from '../settings/namespace-settings.ts'
import { Hub } from './hub.ts'
import { applyChange, applyConfiguration, createMetadata, type HubMetadata, loadHub, loadHubs } from './hub-metadata.ts'
import type { SharedAccessKey } from './sas-token.ts'

/** How often retention is applied. */
const SWEEP_MS = 60_000

/** A namespace: the hubs behind one address. */
export class Namespace {
  readonly name: string
  readonly key: SharedAccessKey
  readonly throttle: Throttle | undefined
  /** Can be replaced while running, so read it at each use. */
  faults: Faults = Faults.none
  readonly #folder: string
  readonly #fast: boolean
  readonly #hubs = new Map<string, Hub>()
  #lastChange: Promise<unknown> = Promise.resolve()
  #sweeper: NodeJS.Timeout | undefined

  private constructor(settings: NamespaceSettings, folder: string, key: SharedAccessKey, fast: boolean) {
    this.name = settings.name
    this.key = key
    this.throttle =
      settings.throughputUnits === undefined
        ? undefined
        : new Throttle(settings.throughputUnits, () => performance.now())
    this.#folder = folder
    this.#fast = fast
  }

  /**
   * Opens the hubs in `folder` that the configuration file names, and those created while running.
   * @throws StartError if a hub is damaged or does not match the folder.
   */
  static async open(
    settings: NamespaceSettings,
    folder: string,
    key: SharedAccessKey,
    fast: boolean,
  ): Promise<Namespace> {
    const namespace = new Namespace(settings, folder, key, fast)
    try {
      await makeFolder(folder)
      const found = await loadHubs(folder)
      for (const hub of settings.hubs) {
        const home = namespace.#buildHubPath(hub.name)
        const metadata = applyConfiguration(found.get(hub.name.toLowerCase()), hub, home, new Date())
        await namespace.#open(metadata, hub.consumerGroups)
      }
      for (const [name, metadata] of found)
        if (metadata.createdWhileRunning && !namespace.hubs.has(name)) await namespace.#open(metadata, [])
      await namespace.#sweep()
      namespace.#sweeper = setInterval(() => namespace.#sweep(), SWEEP_MS)
      return namespace
    } catch (error) {
      await namespace.close()
      throw error
    }
  }

  /** Hubs by name in lower case. */
  get hubs(): ReadonlyMap<string, Hub> {
    return this.#hubs
  }

  /**
   * Creates a hub, or adds what is missing to an existing one. The change is on disk before it is visible. A
   * hub that the configuration file no longer names comes back with its events.
   * @returns whether the hub was created.
   * @throws HubConflict if the change is impossible.
   */
  async putHub(settings: HubSettings): Promise<boolean> {
    return this.#change(async () => {
      const hub = this.#hubs.get(settings.name.toLowerCase())
      if (hub) await hub.change(settings)
      else await this.#open(await this.#buildMetadata(settings), [])
      return hub === undefined
    })
  }

  /**
   * Creates a consumer group of an existing hub.
   * @returns whether the group was created.
   * @throws HubConflict if the hub has the most groups allowed.
   */
  async putGroup(hub: Hub, group: string): Promise<boolean> {
    return this.#change(async () => {
      const before = hub.consumerGroups.length
      await hub.change({ name: hub.name, partitions: hub.partitions.length, consumerGroups: [group] })
      return hub.consumerGroups.length > before
    })
  }

  /** Settles when everything appended so far is on disk or has failed. */
  async flushed(): Promise<void> {
    await Promise.all([...this.#hubs.values()].flatMap(({ partitions }) => partitions.map((log) => log.flushed())))
  }

  /** Waits for the running change, and closes the hubs. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    await this.#lastChange
    await Promise.all([...this.#hubs.values()].map((hub) => hub.close()))
  }

  /** Applies the hubs' retention. If one hub fails, it logs the error and continues with the others. */
  async #sweep(): Promise<void> {
    for (const hub of this.#hubs.values())
      try {
        await hub.retain(Date.now())
      } catch (error) {
        console.error(`eventhubs: retention of hub ${hub.name} failed: ${(error as Error).message}`)
      }
  }

  async #buildMetadata(settings: HubSettings): Promise<HubMetadata> {
    const left = await loadHub(this.#buildHubPath(settings.name))
    return left
      ? { ...applyChange(left, settings, []), createdWhileRunning: true }
      : createMetadata(settings, new Date())
  }

  async #open(metadata: HubMetadata, fileGroups: readonly string[]): Promise<void> {
    const hub = await Hub.open(this.#buildHubPath(metadata.name), metadata, fileGroups, this.#fast)
    this.#hubs.set(metadata.name.toLowerCase(), hub)
  }

  #buildHubPath(hub: string): string {
    return join(this.#folder, hub.toLowerCase())
  }

  /** Runs one change after the other: two changes that read the same state would undo each other. */
  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#lastChange.then(work)
    this.#lastChange = done.then(
      () => {},
      // The caller gets the error.
      () => {},
    )
    return done
  }
}

/**
 * Opens the namespaces below `dataDir`. The first one uses the folder that a single namespace uses, so that
 * further namespaces can be added later.
 * @param fast true: events are acknowledged before they are on disk.
 * @throws StartError
 */
export async function openNamespaces(
  settings: readonly NamespaceSettings[],
  dataDir: string,
  key: SharedAccessKey,
  fast = false,
): Promise<readonly Namespace[]> {
  const opened: Namespace[] = []
  try {
    for (const [index, namespace] of settings.entries()) {
      const own = join(dataDir, 'namespaces', namespace.name.toLowerCase())
      if (index === 0 && (await exists(own)))
        throw new StartError(
          `namespace ${namespace.name} is listed first, but its events are in ${own}: ` +
            'list the namespaces in their former order',
        )
      opened.push(await Namespace.open(namespace, join(index === 0 ? dataDir : own, 'hubs'), key, fast))
    }
    return opened
  } catch (error) {
    await Promise.all(opened.map((namespace) => namespace.close()))
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}
