import { join } from 'node:path'
import { makeFolder, syncFolder } from '../../kit/durable-files.ts'
import { badPartition, entityNotFound } from '../api/conditions.ts'
import { refuseFormerLogs } from '../log/log-recovery.ts'
import { PartitionLog } from '../log/partition-log.ts'
import { TailCache } from '../log/tail-cache.ts'
import { DEFAULT_GROUP, type HubSettings, type Retention } from '../settings/hub-settings.ts'
import { applyChange, type HubMetadata, includesName, saveHub } from './hub-metadata.ts'
import { mapPartitionKey } from './partition-key.ts'
import { ReceiverSet } from './receiver-set.ts'

/** The newest records of all partitions of this process. */
const tail = new TailCache(16 * 1024 * 1024)

/** While this thread checks one log, threads of Node's pool read others. */
const OPEN_CONCURRENCY = 4

interface HubFiles {
  /** The hub's folder. */
  readonly home: string
  /** Whether events are acknowledged before they are on disk. */
  readonly fast: boolean
}

/**
 * An event hub: the logs of its partitions, and their receivers. Partitions and groups can be added while it
 * is in use.
 */
export class Hub {
  readonly #files: HubFiles
  /** The groups that the configuration file names. */
  readonly #fileGroups: readonly string[]
  #metadata: HubMetadata
  #partitions: readonly PartitionLog[]
  /** Receivers by group in lower case, then by partition. Sets are created when first needed. */
  readonly #receivers = new Map<string, ReceiverSet[]>()
  #next = 0

  private constructor(
    files: HubFiles,
    metadata: HubMetadata,
    fileGroups: readonly string[],
    partitions: readonly PartitionLog[],
  ) {
    this.#files = files
    this.#metadata = metadata
    this.#fileGroups = fileGroups
    this.#partitions = partitions
  }

  /**
   * Opens the hub's files in the folder `home`, or creates them, and stores `metadata` there.
   * @param fast true: events are acknowledged before they are on disk.
   * @throws StartError if a log is damaged.
   */
  static async open(home: string, metadata: HubMetadata, fileGroups: readonly string[], fast = false): Promise<Hub> {
    await makeFolder(home)
    await refuseFormerLogs(home)
    const files = { home, fast }
    const logs = await openLogs(files, 0, metadata.partitions)
    await closeOnFailure(logs, () => saveHub(home, metadata))
    return new Hub(files, metadata, fileGroups, logs)
  }

  get name(): string {
    return this.#metadata.name
  }

  get createdAt(): Date {
    return new Date(this.#metadata.createdAt)
  }

  get partitions(): readonly PartitionLog[] {
    return this.#partitions
  }

  get consumerGroups(): readonly string[] {
    const others = this.#metadata.consumerGroups.filter((group) => !includesName(this.#fileGroups, group))
    return [DEFAULT_GROUP, ...this.#fileGroups, ...others].filter(
      (group, index) => index === 0 || !includesName([DEFAULT_GROUP], group),
    )
  }

  get retention(): Retention {
    const { retentionHours, retentionMegabytes } = this.#metadata
    return { retentionHours, retentionMegabytes }
  }

  /** One line for each partition that accepts no more events until the next start, with the reason. */
  get failures(): readonly string[] {
    return this.#partitions.flatMap(({ failed }, id) =>
      failed ? [`partition ${id} of hub ${this.name} accepts no more events: ${failed.message}`] : [],
    )
  }

  /**
   * Adds partitions and groups, and sets the retention. The change is on disk before it is visible, and does
   * not disturb clients of the hub. Callers must make one change at a time.
   * @throws HubConflict if the change is impossible.
   */
  async change(settings: HubSettings): Promise<void> {
    const metadata = applyChange(this.#metadata, settings, this.#fileGroups)
    const added = await openLogs(this.#files, this.#metadata.partitions, metadata.partitions)
    await closeOnFailure(added, () => saveHub(this.#files.home, metadata))
    this.#metadata = metadata
    this.#partitions = [...this.#partitions, ...added]
    await this.retain(Date.now())
  }

  /** @throws Refusal com.microsoft:argument-out-of-range */
  partition(id: string): PartitionLog {
    const log = /^\d{1,4}$/.test(id) ? this.#partitions[Number(id)] : undefined
    if (!log) throw badPartition(this.#partitions.length)
    return log
  }

  /** Selects the partition of an event that names none: by its key, or in turn. */
  selectPartition(key: string | undefined): PartitionLog {
    if (key === undefined) this.#next = (this.#next + 1) % this.#partitions.length
    return this.partition(String(key === undefined ? this.#next : mapPartitionKey(key, this.#partitions.length)))
  }

  /** @throws Refusal amqp:not-found, com.microsoft:argument-out-of-range */
  receivers(group: string, partition: string): ReceiverSet {
    if (!includesName(this.consumerGroups, group)) throw entityNotFound(`${this.name}/ConsumerGroups/${group}`)
    const index = this.#partitions.indexOf(this.partition(partition))
    const key = group.toLowerCase()
    const sets = this.#receivers.get(key) ?? []
    this.#receivers.set(key, sets)
    sets[index] ??= new ReceiverSet()
    return sets[index]
  }

  /** Drops the segments that the hub's retention no longer allows. */
  async retain(now: number): Promise<void> {
    const { retentionHours, retentionMegabytes } = this.#metadata
    const limits = {
      ...(retentionHours !== undefined && { ms: retentionHours * 3_600_000 }),
      ...(retentionMegabytes !== undefined && { bytes: retentionMegabytes * 1024 * 1024 }),
    }
    for (const log of this.#partitions) await log.retain(limits, now)
  }

  /** Drops all events, as if they had expired. Sequence numbers and offsets continue. */
  async expire(): Promise<void> {
    for (const log of this.#partitions) await log.retain({ ms: 0 }, Date.now() + 1)
  }

  async close(): Promise<void> {
    await Promise.all(this.#partitions.map((log) => log.close()))
  }
}

/** Opens the logs of the partitions from `first` to before `end`, and creates missing ones. */
async function openLogs({ home, fast }: HubFiles, first: number, end: number): Promise<readonly PartitionLog[]> {
  const logs: PartitionLog[] = []
  await closeOnFailure(logs, async () => {
    for (let id = first; id < end; id += OPEN_CONCURRENCY) {
      const ids = Array.from({ length: Math.min(OPEN_CONCURRENCY, end - id) }, (_, i) => String(id + i))
      const opened = await Promise.allSettled(ids.map((name) => PartitionLog.open(join(home, name), { tail, fast })))
      for (const result of opened) if (result.status === 'fulfilled') logs.push(result.value)
      for (const result of opened) if (result.status === 'rejected') throw result.reason
    }
    if (!fast) await syncFolder(home)
  })
  return logs
}

async function closeOnFailure(logs: readonly PartitionLog[], work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    await Promise.all(logs.map((log) => log.close()))
    throw error
  }
}
