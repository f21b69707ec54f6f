import type { Service } from 'tidemark'
import type { ParkedStream } from 'tidemark/tools'
import { isCommit, type LogEntry } from '../../core/commit.ts'
import type { HubMessage } from '../../core/ports.ts'
import type { StoredRebuild } from '../../core/rebuild.ts'
import { formatPosition } from '../../core/stream.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryKeys } from '../../memory/keys.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemoryRebuilds } from '../../memory/rebuilds.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemorySnapshots } from '../../memory/snapshots.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import type { Hub } from './hub.ts'
import { Signal } from './signal.ts'

/** The largest error of a process's estimate of the store's clock: half of the longest wait or pause. */
const WRONG_MS = 30_000

/** What all processes of a service share, and what outlives them. */
export class Stores {
  readonly service: Service
  readonly hub: Hub
  readonly log = new MemoryEventStore()
  /** Wakes its waiters after an append to the log. */
  readonly grown = new Signal()
  readonly views = new MemoryViewStores()
  readonly snapshots = new MemorySnapshots()
  readonly keys = new MemoryKeys()
  readonly schedule: MemorySchedule
  readonly rebuilds = new MemoryRebuilds()
  /** The state of the last rebuild of each view. */
  readonly rebuilt = new Map<string, StoredRebuild>()
  /** Messages of its hub that no service has sent, and whether each can be ignored. */
  readonly foreign = new Map<HubMessage, boolean>()
  /** The streams that were ever parked. */
  readonly parked: ParkedStream[] = []
  /** Events with a time after their append. */
  readonly predated: string[] = []
  readonly #parking = new Map<string, MemoryParking>()
  readonly #progress = new Map<string, MemoryProgress>()
  readonly #now: () => number

  /** @param now milliseconds since 1970, by the stores' clock. */
  constructor(service: Service, hub: Hub, now: () => number) {
    this.service = service
    this.hub = hub
    this.#now = now
    this.schedule = new MemorySchedule({ now: () => new Date(Math.floor(now())).toISOString() })
  }

  progress(consumer: string): MemoryProgress {
    const known = this.#progress.get(consumer) ?? new MemoryProgress(this.#now)
    this.#progress.set(consumer, known)
    return known
  }

  /** The parked streams of a consumer. */
  parking(consumer: string): MemoryParking {
    const known = this.#parking.get(consumer) ?? new MemoryParking()
    this.#parking.set(consumer, known)
    return known
  }

  /** The parked streams of each consumer that used its store. */
  get parkings(): ReadonlyMap<string, MemoryParking> {
    return this.#parking
  }

  /** Compares the times of appended events with the log's clock. */
  noteDates(entries: readonly LogEntry[]): void {
    const now = this.#now()
    for (const event of entries.flatMap((entry) => (isCommit(entry) ? entry.events : [])))
      if (Date.parse(event.time) > now + WRONG_MS)
        this.predated.push(
          `${formatPosition(event)} has the time ${event.time}, and was appended at ${new Date(now).toISOString()}`,
        )
  }
}
