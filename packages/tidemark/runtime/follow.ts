import type { Clock, Delivery, HandlerPoints, HubMessage, HubPoint, HubReader, ProgressStore } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { type ConsumerOptions, type ConsumerTelemetry, type Handler, handleMessages, type Messages } from './consume.ts'
import type { ConsumerParking } from './parking.ts'
import { ConsumerProgress, isAhead } from './progress.ts'

interface FollowDependencies {
  /** The function's name, for log lines. */
  readonly consumer: string
  /** The service that owns the hub. */
  readonly hubName: string
  readonly hub: HubReader
  readonly handlers: readonly Handler[]
  readonly progress: ProgressStore
  /** Parks what the handlers cannot process. Absent: a failure blocks its partition. */
  readonly parking?: ConsumerParking
  /** Unique to the process. */
  readonly instance: string
  readonly build: string
  readonly clock: Clock
  /**
   * Returns a random number from 0 to 1 for retries within a batch. Absent: a transient failure fails the
   * batch.
   */
  readonly random?: () => number
  /** The time between two checks of the lag. */
  readonly lagCheckMs: number
  /** Absent: nothing is recorded. */
  readonly telemetry?: ConsumerTelemetry['telemetry']
}

/** The most messages of a partition that one lag check handles. The next check continues. */
const MAX_CAUGHT_UP = 1_000

/**
 * The share of the time between two lag checks that a partition must stand still before its messages are read
 * from the hub.
 */
const STOOD_STILL = 0.8

/**
 * How long the hub's creation time is cached, so that all partitions share one request at a start.
 * Milliseconds.
 */
const MADE_SHARED_MS = 1_000

/** A consumer's point in a partition at a lag check, since when it stands there, and the hub's creation time. */
interface LagObservation {
  readonly point: HubPoint | undefined
  readonly since: number
  readonly madeAt: string
}

const HUB_RECREATED = 'the hub was recreated, and the unread messages of the old one are gone'

/** Messages of a partition that some handlers may not have handled. */
interface Gap {
  readonly parts: readonly { readonly name: string; readonly handler: Handler }[]
  /**
   * The last handled message. Undefined: nothing is known to be handled, so messages missing at the start are
   * no loss.
   */
  readonly point: HubPoint | undefined
  readonly from: number
  readonly to: number
}

/**
 * Follows a hub: hands each batch to the handlers and makes sure that no message between two batches is
 * missed.
 *
 * A trigger continues at its checkpoint, and the checkpoint may be wrong. It may have been moved, another
 * program may read in the consumer group, the hub may have been recreated, or messages may have expired. A
 * batch that does not continue this process's last one is therefore compared with the consumer progress of
 * all instances. Missing messages are read from the hub and handled first. Messages that the hub no longer
 * has are logged, with the time from which the owner must republish.
 *
 * Progress never causes a message to be skipped: if it is outdated or lost, messages are only handled again.
 */
export class Follower {
  readonly #deps: FollowDependencies
  readonly #names: readonly string[]
  readonly #options: ConsumerOptions
  readonly #progress: ConsumerProgress
  /** By partition, the first number of the batch whose gap is closed: the batch may fail and be redelivered. */
  readonly #closed = new Map<string, number>()
  /** Batches in progress, by partition. */
  readonly #busy = new Map<string, number>()
  readonly #observations = new Map<string, LagObservation>()
  /** Partitions whose loss was logged, each with the last point that was handled. */
  readonly #reportedLost = new Map<string, HubPoint>()
  /**
   * By partition, the current read from the hub. Reads run one at a time, so none repeats another's work.
   * They never reject.
   */
  readonly #reading = new Map<string, Promise<void>>()
  #made: { readonly at: Promise<string>; readonly until: number } | undefined

  constructor(deps: FollowDependencies) {
    this.#deps = deps
    this.#names = deps.handlers.flatMap(({ names }) => names)
    const { parking, telemetry, consumer, clock, random } = deps
    this.#options = {
      ...(parking ? { parking } : {}),
      ...(telemetry ? { recording: { telemetry, consumer } } : {}),
      ...(random ? { retries: { clock, random } } : {}),
    }
    const paused = () => parking?.paused() ?? []
    this.#progress = new ConsumerProgress({ ...deps, handlers: this.#names, paused })
  }

  /**
   * Handles a batch.
   * @throws TidemarkError, so that the trigger's retry policy redelivers the batch and nothing is skipped.
   */
  async deliver({ partition, messages, sequences, first, last }: Delivery, trace: Trace): Promise<void> {
    const { handlers } = this.#deps
    this.#progress.reportFailure(trace)
    this.#busy.set(partition, (this.#busy.get(partition) ?? 0) + 1)
    try {
      if (!this.#isClosed(partition, first))
        await this.#withPartitionLock(partition, async () => {
          if (this.#isClosed(partition, first)) return
          for (const handler of handlers) handler.forget?.()
          this.#deps.parking?.forget()
          await this.#closeGap(partition, await this.#progress.read(partition), first, trace)
          this.#closed.set(partition, first.sequence)
        })
      await this.#handle(handlers, { partition, bodies: messages, ...(sequences ? { sequences } : {}) }, trace)
      this.#closed.delete(partition)
      this.#progress.advance(partition, this.#names, last)
    } finally {
      this.#busy.set(partition, (this.#busy.get(partition) ?? 1) - 1)
    }
  }

  /**
   * Finds partitions that stand still although the hub has more messages: a stuck trigger delivers no batch
   * that would show the gap. Missing messages are read from the hub and handled. One instance calls this
   * periodically.
   * @throws TidemarkError the first failure, after all partitions were checked.
   */
  async checkLag(trace: Trace): Promise<void> {
    let failure: { readonly error: unknown } | undefined
    for (const partition of await this.#deps.hub.partitions())
      try {
        await this.#withPartitionLock(partition, () => this.#checkPartition(partition, trace))
      } catch (error) {
        failure ??= { error }
      }
    if (failure) throw failure.error
  }

  /** Publishes that this instance is alive, even without messages. */
  beat(): Promise<void> {
    return this.#progress.beat()
  }

  /** Writes unsaved progress before the process ends. */
  close(): Promise<void> {
    return this.#progress.flush()
  }

  #withPartitionLock(partition: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#reading.get(partition) ?? Promise.resolve()).then(work)
    this.#reading.set(
      partition,
      done.catch(() => {}),
    )
    return done
  }

  /** Whether no gap has to be closed before a batch. */
  #isClosed(partition: string, first: HubPoint): boolean {
    return this.#continues(partition, first) || this.#closed.get(partition) === first.sequence
  }

  /** Whether a batch starts at or before the next message of every handler, as far as this process knows. */
  #continues(partition: string, first: HubPoint): boolean {
    const known = this.#progress.known(partition)
    return this.#names.every((name) => {
      const point = known.get(name)
      return point !== undefined && first.sequence <= point.sequence + 1 && !isOfNewerHub(first, point)
    })
  }

  /** Handles the messages before `next`: for each handler those after its known point. */
  async #closeGap(partition: string, known: HandlerPoints, next: HubPoint, trace: Trace): Promise<void> {
    const parts = this.#deps.handlers.flatMap((handler) => handler.names.map((name) => ({ name, handler })))
    const byPoint = Map.groupBy(parts, ({ name }) => JSON.stringify(known.get(name)))
    for (const some of byPoint.values()) {
      const point = known.get(some[0]?.name ?? '')
      // A handler that is new beside others starts at the hub's first message, or at the next one. If nothing
      // was ever handled, no handler is new.
      const due = point || known.size === 0 ? some : some.filter(({ handler }) => handler.startsAt === 'first')
      if (due.length === 0 || (point && (await this.#isNext(next, point)))) continue
      const from = await this.#firstMissing(partition, point, next, trace)
      if (from >= next.sequence) continue
      await this.#handleFromHub(partition, { parts: due, point, from, to: next.sequence - 1 }, trace)
    }
  }

  /** Returns the number of the first unhandled message before `next`, and logs what is wrong. */
  async #firstMissing(partition: string, point: HubPoint | undefined, next: HubPoint, trace: Trace): Promise<number> {
    if (point && next.sequence <= point.sequence && !isOfNewerHub(next, point)) return next.sequence
    const { first, last } = await this.#deps.hub.bounds(partition)
    if (point === undefined) return first
    // Times alone do not prove that the hub is the same, because its machines' clocks differ. A number beyond
    // the last one cannot be read.
    if (first <= point.sequence && !(point.sequence <= last && (await this.#has(partition, point)))) {
      this.#reportLost(partition, point, HUB_RECREATED, trace)
      return first
    }
    const after = point.sequence + 1
    if (first > after)
      this.#reportLost(partition, point, `the hub has dropped ${first - after} messages that were unread`, trace)
    const from = Math.max(first, after)
    if (from < next.sequence)
      trace(
        `${this.#describePartition(partition)}: nobody is known to have handled ${from} to ${next.sequence - 1}, ` +
          'so they are read from the hub: an instance ended before it published its progress, ' +
          'the checkpoint was moved, or another program reads in this consumer group',
        'warn',
      )
    return from
  }

  /** Handles the messages of a gap, which are read from the hub. */
  async #handleFromHub(partition: string, { parts, point, from, to }: Gap, trace: Trace): Promise<void> {
    // A handler with several names may get events that some of them have handled; they find nothing new in
    // those.
    const handlers = [...new Set(parts.map(({ handler }) => handler))]
    const names = parts.map(({ name }) => name)
    let [handled, next] = [point, from]
    // Numbers have no gaps, so a gap means that messages expired meanwhile.
    const checkNext = (sequence: number): void => {
      if (handled && sequence > next)
        this.#reportLost(partition, handled, `the hub has dropped ${sequence - next} messages that were unread`, trace)
    }
    for await (const page of this.#deps.hub.read(partition, from, to)) {
      const [first, last] = [page[0], page.at(-1)]
      if (first === undefined || last === undefined) continue
      checkNext(first.sequence)
      const [bodies, sequences] = [page.map(({ body }) => body), page.map(({ sequence }) => sequence)]
      await this.#handle(handlers, { partition, bodies, sequences }, trace)
      this.#progress.advance(partition, names, last)
      handled = last
      next = last.sequence + 1
    }
    checkNext(to + 1)
  }

  #handle(handlers: readonly Handler[], messages: Omit<Messages, 'hub'>, trace: Trace): Promise<void> {
    return handleMessages(handlers, { hub: this.#deps.hubName, ...messages }, trace, this.#options)
  }

  async #checkPartition(partition: string, trace: Trace): Promise<void> {
    const { clock, hub, lagCheckMs } = this.#deps
    const known = this.#startNewHandlers(partition, await this.#progress.read(partition))
    // A handler that starts at the hub's first message and has handled no batch yet does not wait for one.
    const isNew = this.#names.some((name) => !known.has(name))
    const points = this.#names.map((name) => known.get(name)).filter((point) => point !== undefined)
    // The point of the handler that is furthest behind counts.
    const point = points.reduce<HubPoint | undefined>(
      (least, each) => (least && isAhead(each, least) ? least : each),
      undefined,
    )
    const madeAt = await this.#madeAt()
    const observation = this.#observations.get(partition)
    const stood = observation !== undefined && JSON.stringify(observation.point) === JSON.stringify(point)
    if (!stood) this.#observations.set(partition, { point, since: clock.elapsed(), madeAt })
    // The consumer went on, but in another hub. If that hub has grown past the old numbers, its batches seem
    // to continue the last one.
    if (observation?.point && !stood && observation.madeAt !== madeAt && point && point.time >= madeAt)
      this.#reportLost(partition, observation.point, HUB_RECREATED, trace)
    if (
      !stood ||
      clock.elapsed() - observation.since < STOOD_STILL * lagCheckMs ||
      (this.#busy.get(partition) ?? 0) > 0
    )
      return

    const { first, last } = await hub.bounds(partition)
    const isEmpty = first > last
    if (last === (point?.sequence ?? -1) && (isEmpty || !isNew)) return
    if (isEmpty) {
      const what =
        point && point.time < madeAt ? HUB_RECREATED : 'the hub has no messages and may have dropped unread ones'
      if (point) this.#reportLost(partition, point, what, trace)
      return
    }
    const from = !isNew && point && point.sequence < last ? Math.max(first, point.sequence + 1) : first
    const end = await this.#messageAt(partition, Math.min(last, from + MAX_CAUGHT_UP - 1))
    if (end === undefined) return
    await this.#closeGap(partition, known, { sequence: end.sequence + 1, time: end.time }, trace)
    this.#progress.advance(partition, this.#names, end)
    // The next check handles the rest.
    const { sequence, time } = end
    if (sequence < last)
      this.#observations.set(partition, {
        point: { sequence, time },
        since: clock.elapsed() - STOOD_STILL * lagCheckMs,
        madeAt,
      })
  }

  /**
   * Starts new handlers that begin `now` after the point of the others, so that they also get what an older
   * instance handles from here on.
   */
  #startNewHandlers(partition: string, known: HandlerPoints): HandlerPoints {
    const head = [...known.values()].reduce<HubPoint | undefined>(
      (latest, each) => (latest && isAhead(latest, each) ? latest : each),
      undefined,
    )
    const added = this.#deps.handlers
      .filter(({ startsAt }) => startsAt === 'now')
      .flatMap(({ names }) => names)
      .filter((name) => !known.has(name))
    if (head === undefined || added.length === 0) return known
    this.#progress.advance(partition, added, head)
    return new Map([...known, ...added.map((name) => [name, head] as const)])
  }

  /** Whether a message directly follows a point in the same hub. */
  async #isNext(message: HubPoint, point: HubPoint): Promise<boolean> {
    return message.sequence === point.sequence + 1 && point.time >= (await this.#madeAt())
  }

  #madeAt(): Promise<string> {
    const { clock, hub } = this.#deps
    if (this.#made === undefined || clock.elapsed() >= this.#made.until) {
      const at = hub.madeAt()
      this.#made = { at, until: clock.elapsed() + MADE_SHARED_MS }
      at.catch(() => {
        this.#made = undefined
      })
    }
    return this.#made.at
  }

  /** Whether the hub still has the message of a point, which proves that it is the same hub. */
  async #has(partition: string, point: HubPoint): Promise<boolean> {
    return (await this.#messageAt(partition, point.sequence))?.time === point.time
  }

  async #messageAt(partition: string, sequence: number): Promise<HubMessage | undefined> {
    for await (const [message] of this.#deps.hub.read(partition, sequence, sequence)) return message
    return undefined
  }

  /** Logs the loss once for each point: a partition may be checked many times before the loss is repaired. */
  #reportLost(partition: string, point: HubPoint, what: string, trace: Trace): void {
    if (this.#reportedLost.get(partition)?.time === point.time) return
    this.#reportedLost.set(partition, point)
    const { hubName } = this.#deps
    trace(
      `${this.#describePartition(partition)}: events-missing: ${what}. ` +
        `The last handled message is ${point.sequence} of ${point.time}. ` +
        `Publish the events since then again: npm run republish -- ${hubName} --since ${point.time}`,
      'error',
    )
  }

  #describePartition(partition: string): string {
    return `${this.#deps.consumer}: partition ${partition} of ${this.#deps.hubName}`
  }
}

/** Whether a message has a number that was handled but a later time: the hub's numbers have restarted. */
function isOfNewerHub(message: HubPoint, point: HubPoint): boolean {
  return message.sequence <= point.sequence && message.time > point.time
}
