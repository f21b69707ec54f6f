import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from '../kit/errors.ts'
import { badPartition, entityNotFound } from './conditions.ts'
import type { HubSettings } from './hub-settings.ts'
import { partitionOfKey } from './partition-key.ts'
import { PartitionLog } from './partition-log.ts'
import { ReceiverSet } from './receiver-set.ts'

interface Metadata {
  readonly name: string
  readonly partitions: number
  readonly createdAt: string
}

/** An event hub: its partitions' logs, and who receives from them. */
export class Hub {
  readonly name: string
  readonly createdAt: Date
  readonly partitions: readonly PartitionLog[]
  readonly #groups: ReadonlyMap<string, readonly ReceiverSet[]>
  #next = 0

  private constructor(metadata: Metadata, partitions: readonly PartitionLog[], groups: readonly string[]) {
    this.name = metadata.name
    this.createdAt = new Date(metadata.createdAt)
    this.partitions = partitions
    this.#groups = new Map(
      ['$Default', ...groups].map((group) => [group.toLowerCase(), partitions.map(() => new ReceiverSet())]),
    )
  }

  /**
   * Opens the hub's files below `folder`, or creates them.
   * @throws StartError when they belong to a hub with another number of partitions, or one is damaged.
   */
  static async open(folder: string, settings: HubSettings): Promise<Hub> {
    const home = join(folder, settings.name.toLowerCase())
    await mkdir(home, { recursive: true })
    const metadata = await loadMetadata(home, settings)
    const logs: PartitionLog[] = []
    try {
      for (let id = 0; id < settings.partitions; id++) logs.push(await PartitionLog.open(join(home, `${id}.log`)))
      await syncFolder(home)
      await syncFolder(folder)
      return new Hub(metadata, logs, settings.consumerGroups)
    } catch (error) {
      await Promise.all(logs.map((log) => log.close()))
      throw error
    }
  }

  /** @throws Refusal com.microsoft:argument-out-of-range */
  partition(id: string): PartitionLog {
    const log = /^\d{1,4}$/.test(id) ? this.partitions[Number(id)] : undefined
    if (!log) throw badPartition(this.partitions.length)
    return log
  }

  /** Where an event goes that was sent to no partition: by its key, or to each in turn. */
  partitionFor(key: string | undefined): PartitionLog {
    if (key === undefined) this.#next = (this.#next + 1) % this.partitions.length
    return this.partition(String(key === undefined ? this.#next : partitionOfKey(key, this.partitions.length)))
  }

  /** @throws Refusal amqp:not-found */
  receivers(group: string, partition: string): ReceiverSet {
    const sets = this.#groups.get(group.toLowerCase())
    if (!sets) throw entityNotFound(`${this.name}/ConsumerGroups/${group}`)
    const set = sets[this.partitions.indexOf(this.partition(partition))]
    if (!set) throw badPartition(this.partitions.length)
    return set
  }

  async close(): Promise<void> {
    await Promise.all(this.partitions.map((log) => log.close()))
  }
}

async function loadMetadata(home: string, settings: HubSettings): Promise<Metadata> {
  const path = join(home, 'hub.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const metadata: Metadata = {
      name: settings.name,
      partitions: settings.partitions,
      createdAt: new Date().toISOString(),
    }
    await writeAtomically(path, `${JSON.stringify(metadata)}\n`)
    return metadata
  }
  const { partitions, createdAt } = parse(path, text)
  if (partitions !== settings.partitions)
    throw new StartError(
      `hub ${settings.name} has ${partitions} partitions in ${home}, but ${settings.partitions} are configured: configure ${partitions}, or remove the folder to start the hub anew`,
    )
  return { name: settings.name, partitions, createdAt }
}

function parse(path: string, text: string): Metadata {
  try {
    const value = JSON.parse(text) as Metadata
    if (Number.isInteger(value.partitions) && !Number.isNaN(Date.parse(value.createdAt))) return value
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new StartError(`${path} is damaged: restore it, or remove its folder to start the hub anew`)
}

async function writeAtomically(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

/** A new file is there after a power loss only when its folder is on disk too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
