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

/** How often retention is looked at. */
const SWEEP_MS = 60_000

/** What a connection serves: hubs behind one address. */
export class Namespace {
  readonly name: string
  readonly key: SharedAccessKey
  readonly throttle: Throttle | undefined
  /** Replaced while running: read at each use. */
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
   * Opens the hubs that the configuration file names, and those that were created while running, in `folder`.
   * @throws StartError when one is damaged, or is not what the folder holds.
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

  /** By name in lower case. */
  get hubs(): ReadonlyMap<string, Hub> {
    return this.#hubs
  }

  /**
   * Creates a hub, or adds to it what it has not yet. It is on disk before anybody sees it. A hub that the
   * configuration file does not name any more is there again, with its events.
   * @returns whether it was created.
   * @throws HubConflict for what cannot be.
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
   * Creates a consumer group of a hub that is there.
   * @returns whether it was created.
   * @throws HubConflict when there are as many as there may be.
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

  /** Finishes what is being changed, and closes the hubs. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    await this.#lastChange
    await Promise.all([...this.#hubs.values()].map((hub) => hub.close()))
  }

  /** Drops what the hubs' retention does not keep. One that cannot says so, and the others go on. */
  async #sweep(): Promise<void> {
    for (const hub of this.#hubs.values())
      try {
        await hub.retain(Date.now())
      } catch (error) {
        console.error(`eventhubs: retention of hub ${hub.name}: ${(error as Error).message}`)
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

  /** One change after the other: two that see the same state would undo each other. */
  #change<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#lastChange.then(work)
    this.#lastChange = done.then(
      () => {},
      // Told to who asked for it.
      () => {},
    )
    return done
  }
}

/**
 * Opens the namespaces below `dataDir`. The first has its hubs where a single one has them, so that others
 * can be added to it.
 * @param fast events are acknowledged before they are on disk.
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
          `namespace ${namespace.name} is listed first, but its events are in ${own}: list the namespace first that was first`,
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
