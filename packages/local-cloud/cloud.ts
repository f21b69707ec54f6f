import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { BlobServiceClient } from '@azure/storage-blob'
import { NODE_FLAGS } from 'tidemark-event-hubs/node-flags'
import { type Child, startChild } from '../kit/child.ts'
import { blobConnection, cosmosConnection, eventHubsConnection } from '../kit/connection-strings.ts'
import { lockFolder } from '../kit/data-lock.ts'
import { emulatorKey, eventHubsKey } from '../kit/emulator-keys.ts'
import { StartError } from '../kit/errors.ts'
import { moduleFile } from '../kit/module-file.ts'
import type { LocalSetting } from '../kit/settings.ts'
import { keyFile } from './key-file.ts'
import { announceCloud, withdrawCloud } from './running-cloud.ts'
import { type ContainerTopology, readTopology, type Topology } from './topology-file.ts'

interface CloudOptions {
  /** Folder of blob/, eventhubs/ and cosmos/. It survives restarts. */
  readonly dataDir: string
  /** JSON file in the format of topology-file.ts. */
  readonly topologyFile: string
  /** 0 for any free port. */
  readonly ports: { readonly blob: number; readonly eventHubs: number; readonly cosmos: number }
  /** Clears log, hubs, checkpoints and leases. They must be cleared together, because they refer to each other. */
  readonly fresh: boolean
  /** Acknowledges data before it is on disk. It survives a crash of the process, but maybe not of the machine. */
  readonly fast?: boolean
  /** If given, the keys of the parts are derived from its token. Otherwise they are the published keys. */
  readonly tokenFile?: string | undefined
  /** Aborts the start: the parts already started are stopped, and the start fails. */
  readonly signal?: AbortSignal
}

/** The running local cloud. */
export interface Cloud {
  /** The connections and the key file for the services on the cloud. */
  readonly settings: Record<string, string>
  readonly parts: readonly Child[]
  /** Stops all parts and unlocks the data folder. Further calls do nothing. */
  stop(): Promise<void>
}

const FOLDERS = ['blob', 'eventhubs', 'cosmos'] as const
const MODULES = {
  blob: moduleFile('./azurite.ts', import.meta.url),
  eventhubs: fileURLToPath(import.meta.resolve('tidemark-event-hubs/main')),
  cosmos: fileURLToPath(import.meta.resolve('tidemark-cosmos/main')),
}
/** How long the parts of a killed parent may take to end. */
const LEFTOVERS_WITHIN_MS = 5000

/**
 * Starts Azurite and the two emulators, and creates the resources of the topology file. One cloud per data
 * folder.
 * @throws StartError if a part cannot start; the others are stopped then.
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const dataDir = resolve(options.dataDir)
  const topology = await readTopology(options.topologyFile)
  const unlock = await lockFolder(dataDir)
  const parts: Child[] = []
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= Promise.all([withdrawCloud(dataDir), ...parts.map((part) => part.stop())]).then(unlock)
    return stopped
  }
  try {
    // An announcement of a killed cloud would count as this one's if the process ids are equal.
    await withdrawCloud(dataDir)
    await waitForLeftovers(dataDir)
    for (const folder of FOLDERS) {
      const path = join(dataDir, folder)
      if (options.fresh) await rm(path, { recursive: true, force: true })
      // Only these folders: the data folder itself may have other uses.
      else await chmod(path, 0o700)
    }
    const started = await Promise.allSettled(await starts(dataDir, topology, options))
    for (const result of started) if (result.status === 'fulfilled') parts.push(result.value)
    for (const result of started) if (result.status === 'rejected') throw result.reason
    const settings = { ...buildSettings(parts, options.tokenFile), PersonalKeys: await keyFile(dataDir) }
    await Promise.all([createBlobContainers(settings, topology), createDatabases(settings, topology, options.signal)])
    await announceCloud(dataDir, { settings, topology })
    return { settings, parts, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Waits until the parts of a killed cloud have ended. They end on their own after a while. */
async function waitForLeftovers(dataDir: string): Promise<void> {
  const until = performance.now() + LEFTOVERS_WITHIN_MS
  for (const folder of FOLDERS)
    for (;;)
      try {
        const unlock = await lockFolder(join(dataDir, folder))
        await unlock()
        break
      } catch (error) {
        if (performance.now() > until) throw error
        await delay(50)
      }
}

/** How a part of the cloud is started. */
interface Part {
  readonly name: string
  readonly port: number
  /** Names the port in the message when the port cannot be used. */
  readonly portSetting: LocalSetting
  /** Arguments of the module, besides those that every part has. */
  readonly args?: readonly string[]
  /** Flags of Node. */
  readonly execArgv?: readonly string[]
}

async function starts(
  dataDir: string,
  topology: Topology,
  { ports, fast = false, tokenFile = '', signal }: CloudOptions,
): Promise<readonly Promise<Child>[]> {
  const hubsFile = join(dataDir, 'hubs.json')
  const hubs = topology.eventHubs.map(({ name, partitions, consumerGroups }) => ({ name, partitions, consumerGroups }))
  await mkdir(dataDir, { recursive: true })
  await writeFile(`${hubsFile}.new`, JSON.stringify({ hubs }, null, 2))
  await rename(`${hubsFile}.new`, hubsFile)
  const start = (
    folder: keyof typeof MODULES,
    { name, port, portSetting, args = [], execArgv = [] }: Part,
  ): Promise<Child> => {
    // Pass every flag, because environment variables are meant for emulators that run alone.
    const own = [`--port=${port}`, `--data=${join(dataDir, folder)}`, `--token-file=${tokenFile}`]
    const options = { args: [...own, ...args], execArgv, portSetting, ...(signal ? { signal } : {}) }
    return startChild(name, MODULES[folder], {}, options)
  }
  const durability = fast ? '--fast' : '--no-fast'
  return [
    start('blob', { name: 'blobs', port: ports.blob, portSetting: 'TIDEMARK_BLOB_PORT' }),
    start('eventhubs', {
      name: 'event hubs',
      port: ports.eventHubs,
      portSetting: 'TIDEMARK_EVENTHUBS_PORT',
      args: [`--config=${hubsFile}`, durability],
      execArgv: NODE_FLAGS,
    }),
    start('cosmos', {
      name: 'cosmos db',
      port: ports.cosmos,
      portSetting: 'TIDEMARK_COSMOS_PORT',
      args: [durability],
    }),
  ]
}

function buildSettings(parts: readonly Child[], tokenFile: string | undefined): Record<string, string> {
  const [blob = '', eventHubs = '', cosmos = ''] = parts.map(({ address }) => address)
  const blobs = blobConnection(blob, emulatorKey('blob', tokenFile))
  return {
    AzureWebJobsStorage: blobs,
    ArchiveStorage: blobs,
    EventHubConnection: eventHubsConnection(eventHubs, eventHubsKey(tokenFile)),
    CosmosConnection: cosmosConnection(cosmos, emulatorKey('cosmos', tokenFile)),
  }
}

async function createBlobContainers(settings: Record<string, string>, topology: Topology): Promise<void> {
  const service = BlobServiceClient.fromConnectionString(settings.AzureWebJobsStorage ?? '')
  for (const name of topology.blobContainers) await service.getContainerClient(name).createIfNotExists()
}

async function createDatabases(
  settings: Record<string, string>,
  topology: Topology,
  signal: AbortSignal | undefined,
): Promise<void> {
  const client = new CosmosClient(settings.CosmosConnection ?? '')
  try {
    for (const { name, containers } of topology.databases) {
      const { database } = await client.databases.createIfNotExists({ id: name })
      for (const container of containers) {
        signal?.throwIfAborted()
        const { resource } = await database.containers.createIfNotExists(toDefinition(container))
        const found = resource?.partitionKey?.paths.join()
        if (found !== container.partitionKey)
          throw new StartError(
            `container ${name}/${container.name} has the partition key ${found}, ` +
              `the topology says ${container.partitionKey}: start with --fresh, or use another data folder`,
          )
      }
    }
  } finally {
    client.dispose()
  }
}

function toDefinition({ name, partitionKey, defaultTtl, compositeIndexes, ...rest }: ContainerTopology) {
  const { indexedPaths = ['/*'], uniqueKeys = [], excludedPaths = rest.indexedPaths ? ['/*'] : [] } = rest
  return {
    id: name,
    partitionKey: { paths: [partitionKey] },
    uniqueKeyPolicy: { uniqueKeys: uniqueKeys.map((path) => ({ paths: [path] })) },
    indexingPolicy: {
      includedPaths: indexedPaths.map((path) => ({ path })),
      // The service adds the etag automatically only if no policy is given.
      excludedPaths: [...excludedPaths, '/"_etag"/?'].map((path) => ({ path })),
      compositeIndexes: compositeIndexes.map((paths) => paths.map((path) => ({ path, order: 'descending' as const }))),
    },
    ...(defaultTtl === undefined ? {} : { defaultTtl }),
  }
}
