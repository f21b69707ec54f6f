import { describeError } from '../core/errors.ts'
import type { Clock, HandlerPoints, HubPoint, InstanceProgress, ProgressStore } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'

/**
 * The shortest time between two writes of an instance's progress. After a crash, later messages are handled
 * again. Milliseconds.
 */
const WRITE_EVERY_MS = 5_000

/**
 * How long a read of all instances' progress is shared, so that the partitions of a start share one read.
 * Milliseconds.
 */
const READ_SHARED_MS = 1_000

/** An instance that has not written for this long has ended; each writes at least once a minute. Seconds. */
export const ENDED_AFTER_S = 300

interface ProgressDependencies {
  readonly progress: ProgressStore
  readonly instance: string
  readonly build: string
  /** The handlers of this instance. */
  readonly handlers: readonly string[]
  /** The handlers that are paused now. */
  readonly paused: () => readonly string[]
  readonly clock: Clock
}

/**
 * Whether a point of a partition is ahead of another. Times come first, because a recreated hub restarts its
 * numbers.
 */
export function isAhead(point: HubPoint, other: HubPoint): boolean {
  return point.time > other.time || (point.time === other.time && point.sequence > other.sequence)
}

/**
 * The consumer progress of a consumer's instances. Each instance writes only its own item. It reads the
 * others' items when a batch does not continue its own last one. Items of instances that have ended are
 * merged into its own and removed.
 */
export class ConsumerProgress {
  readonly #deps: ProgressDependencies
  readonly #points = new Map<string, Map<string, HubPoint>>()
  #reading: { readonly items: Promise<readonly InstanceProgress[]>; readonly until: number } | undefined
  #ended: readonly string[] = []
  #isDirty = false
  #isWaiting = false
  #writing: Promise<void> | undefined
  #writtenAt = Number.NEGATIVE_INFINITY
  #failure: unknown

  constructor(deps: ProgressDependencies) {
    this.#deps = deps
  }

  /** The progress that this process knows without a read. */
  known(partition: string): HandlerPoints {
    return this.#points.get(partition) ?? new Map()
  }

  /** The merged progress of all instances. @throws TidemarkError `unavailable` */
  async read(partition: string): Promise<HandlerPoints> {
    const known = new Map(this.known(partition))
    for (const { partitions } of await this.#readShared()) mergePoints(known, partitions.get(partition) ?? new Map())
    return known
  }

  /** Records that handlers have handled everything up to a point. It is written soon. */
  advance(partition: string, handlers: readonly string[], { sequence, time }: HubPoint): void {
    const points = this.#findPoints(partition)
    mergePoints(points, new Map(handlers.map((handler) => [handler, { sequence, time }])))
    this.#isDirty = true
    void this.#writeSoon()
  }

  /**
   * Writes the progress again, so that others see that this instance is alive. Does nothing before the first
   * message.
   */
  async beat(): Promise<void> {
    if (this.#points.size === 0) return
    this.#isDirty = true
    await this.#writeSoon()
  }

  async flush(): Promise<void> {
    await this.#writing
    if (this.#isDirty) await this.#write()
  }

  /** Logs a write that failed since the last call. The next batch retries it. */
  reportFailure(trace: Trace): void {
    if (this.#failure === undefined) return
    trace(
      `the progress could not be written, and is written with the next batch: ${describeError(this.#failure)}`,
      'warn',
    )
    this.#failure = undefined
  }

  #readShared(): Promise<readonly InstanceProgress[]> {
    const now = this.#deps.clock.elapsed()
    if (this.#reading === undefined || now >= this.#reading.until) {
      const items = this.#readAll()
      this.#reading = { items, until: now + READ_SHARED_MS }
      items.catch(() => {
        this.#reading = undefined
      })
    }
    return this.#reading.items
  }

  async #readAll(): Promise<readonly InstanceProgress[]> {
    const { progress, instance } = this.#deps
    const others = (await progress.read()).filter((item) => item.instance !== instance)
    const ended = others.filter(({ age }) => age > ENDED_AFTER_S)
    for (const { partitions } of ended)
      for (const [partition, points] of partitions) mergePoints(this.#findPoints(partition), points)
    if (ended.length > 0) {
      this.#ended = ended.map((item) => item.instance)
      this.#isDirty = true
    }
    return others
  }

  async #writeSoon(): Promise<void> {
    if (this.#isWaiting) return
    this.#isWaiting = true
    const { clock } = this.#deps
    await clock.wait(Math.max(0, this.#writtenAt + WRITE_EVERY_MS - clock.elapsed()))
    this.#isWaiting = false
    await this.flush()
  }

  #write(): Promise<void> {
    this.#writing = this.#writeNow().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  async #writeNow(): Promise<void> {
    const { progress, instance, build, handlers, paused, clock } = this.#deps
    const ended = this.#ended
    this.#isDirty = false
    this.#writtenAt = clock.elapsed()
    try {
      await progress.write({ instance, build, handlers, paused: paused(), partitions: this.#points })
      // This instance's item now includes the progress of the instances that ended.
      for (const other of ended) await progress.remove(other)
      if (this.#ended === ended) this.#ended = []
    } catch (error) {
      this.#isDirty = true
      this.#failure = error
    }
  }

  #findPoints(partition: string): Map<string, HubPoint> {
    const points = this.#points.get(partition) ?? new Map<string, HubPoint>()
    this.#points.set(partition, points)
    return points
  }
}

/** Keeps the later point of each handler. */
export function mergePoints(into: Map<string, HubPoint>, points: HandlerPoints): void {
  for (const [handler, point] of points) {
    const before = into.get(handler)
    if (before === undefined || isAhead(point, before)) into.set(handler, point)
  }
}
