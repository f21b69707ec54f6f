import type { Clock, Delivery, HandlerPoints, HubMessage, HubPoint, HubReader, ProgressStore } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { type ConsumerTelemetry, type Handler, handleMessages, type Messages } from './consume.ts'
import type { ConsumerParking } from './parking.ts'
import { ConsumerProgress, isAhead } from './progress.ts'

export interface FollowDependencies {
  /** The function's name, for the lines that are logged. */
  readonly consumer: string
  /** The service whose hub it is. */
  readonly hubName: string
  readonly hub: HubReader
  readonly handlers: readonly Handler[]
  readonly progress: ProgressStore
  /** Where what the handlers cannot process waits. Absent: it holds its partition. */
  readonly parking?: ConsumerParking
  /** Unique to the process. */
  readonly instance: string
  readonly build: string
  readonly clock: Clock
  /** From 0 to 1, by chance: how what may pass is tried again within a batch. Absent: it fails the batch at once. */
  readonly random?: () => number
  /** How often the lag is checked. */
  readonly lagCheckMs: number
  /** Absent: nobody listens. */
  readonly telemetry?: ConsumerTelemetry['telemetry']
}

/** The most messages of a partition that one check of the lag handles. The next check goes on. */
const MAX_CAUGHT_UP = 1_000

/**
 * How long a partition must have stood still before its messages are read from the hub: part of the time
 * between two checks.
 */
const STOOD_STILL = 0.8

/**
 * How long what the hub says of itself counts as said just now: the partitions of a start share one question.
 * Milliseconds.
 */
const MADE_SHARED_MS = 1_000

/** How far a consumer was in a partition when its lag was checked, since when, and in which hub. */
interface LagObservation {
  readonly point: HubPoint | undefined
  readonly since: number
  readonly madeAt: string
}

const HUB_RECREATED = 'the hub was made anew, and what was unread in the old one is gone'

/**
 * Follows a hub: hands each batch to the handlers, and sees to it that nothing lies between two batches that
 * nobody has handled.
 *
 * A trigger goes on at its checkpoint, and a checkpoint may be wrong: it was moved, another program reads in
 * the consumer group, the hub was made anew, or its messages expired. A batch that does not continue what
 * this process handled last is therefore compared with what all instances say that they have handled. What is
 * missing is read from the hub and handled first. What the hub no longer has is told, with the time from
 * which its owner has to publish again.
 *
 * Progress never lets a message be skipped: where it is old or lost, messages are only handled again.
 */
export class Follower {
  readonly #deps: FollowDependencies
  readonly #names: readonly string[]
  readonly #progress: ConsumerProgress
  /** The number of the batch whose gap is closed, by partition: the batch may fail, and come again. */
  readonly #closed = new Map<string, number>()
  /** How many batches are being handled, by partition. */
  readonly #busy = new Map<string, number>()
  readonly #observations = new Map<string, LagObservation>()
  /** Partitions of whose loss the log has been told, each with the point that was handled last. */
  readonly #reportedLost = new Map<string, HubPoint>()
  /**
   * What reads a partition from the hub: one at a time, and what one has handled the next need not. It never
   * rejects.
   */
  readonly #reading = new Map<string, Promise<void>>()
  #made: { readonly at: Promise<string>; readonly until: number } | undefined

  constructor(deps: FollowDependencies) {
    this.#deps = deps
    this.#names = deps.handlers.flatMap(({ names }) => names)
    const paused = () => deps.parking?.paused() ?? []
    this.#progress = new ConsumerProgress({ ...deps, handlers: this.#names, paused })
  }

  /**
   * Handles a batch.
   * @throws TidemarkError, whereupon the trigger's retry policy brings the batch again: nothing is passed
   * over.
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
   * Looks for partitions that stand still although the hub has more: a trigger that gets nothing brings no
   * batch that would show the gap. What is missing is read from the hub and handled. To be called again and
   * again, by one instance.
   * @throws TidemarkError the first failure, after all partitions were looked at.
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

  /** Says that this instance lives, whether or not anything came. */
  beat(): Promise<void> {
    return this.#progress.beat()
  }

  /** Writes what is not written yet: the process is about to end. */
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

  /** Whether there is nothing to look for before a batch. */
  #isClosed(partition: string, first: HubPoint): boolean {
    return this.#continues(partition, first) || this.#closed.get(partition) === first.sequence
  }

  /** Whether a batch begins where this process knows all its handlers to be, or before. */
  #continues(partition: string, first: HubPoint): boolean {
    const known = this.#progress.known(partition)
    return this.#names.every((name) => {
      const point = known.get(name)
      return point !== undefined && first.sequence <= point.sequence + 1 && !isOfNewerHub(first, point)
    })
  }

  /**
   * Handles what lies before a message: for each handler what comes after the point to which it is known to
   * have come.
   */
  async #closeGap(partition: string, known: HandlerPoints, next: HubPoint, trace: Trace): Promise<void> {
    const parts = this.#deps.handlers.flatMap((handler) => handler.names.map((name) => ({ name, handler })))
    const byPoint = Map.groupBy(parts, ({ name }) => JSON.stringify(known.get(name)))
    for (const some of byPoint.values()) {
      const point = known.get(some[0]?.name ?? '')
      // What is new beside others begins with what the hub still has, or with what comes now. Where nothing
      // was ever handled, nothing is new.
      const due = point || known.size === 0 ? some : some.filter(({ handler }) => handler.startsAt === 'first')
      if (due.length === 0 || (point && (await this.#isNext(next, point)))) continue
      const from = await this.#firstMissing(partition, point, next, trace)
      if (from < next.sequence) await this.#handleFromHub(partition, due, point, [from, next.sequence - 1], trace)
    }
  }

  /** The number of the first message before `next` that is to be handled, and a line about what is wrong. */
  async #firstMissing(partition: string, point: HubPoint | undefined, next: HubPoint, trace: Trace): Promise<number> {
    if (point && next.sequence <= point.sequence && !isOfNewerHub(next, point)) return next.sequence
    const { first, last } = await this.#deps.hub.bounds(partition)
    if (point === undefined) return first
    // Times alone do not prove it: the clocks of the service's machines differ. What has a number beyond the
    // last one cannot be asked for.
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
        `${this.#describePartition(partition)}: nobody is known to have handled ${from} to ${next.sequence - 1}, so they are read from the hub: ` +
          'an instance ended before it said so, the checkpoint was moved, or another program reads in this consumer group',
        'warn',
      )
    return from
  }

  /**
   * Handles a part of a partition, as the hub has it.
   * @param point what was handled before; undefined: nothing that anybody knows of, and what the hub lacks
   * before its first message is no loss.
   */
  async #handleFromHub(
    partition: string,
    parts: readonly { readonly name: string; readonly handler: Handler }[],
    point: HubPoint | undefined,
    [from, to]: readonly [from: number, to: number],
    trace: Trace,
  ): Promise<void> {
    // A handler of several names may be brought what some of them have handled: they find nothing new in it.
    const handlers = [...new Set(parts.map(({ handler }) => handler))]
    const names = parts.map(({ name }) => name)
    let [handled, next] = [point, from]
    // What was there a moment ago may have expired since: the numbers of a partition have no gap otherwise.
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
    const { hubName, parking, consumer, telemetry, clock, random } = this.#deps
    const consumerTelemetry = telemetry && { telemetry, consumer }
    const retries = random && { clock, random }
    return handleMessages(handlers, { hub: hubName, ...messages }, trace, parking, consumerTelemetry, retries)
  }

  async #checkPartition(partition: string, trace: Trace): Promise<void> {
    const { clock, hub, lagCheckMs } = this.#deps
    const known = this.#startNewHandlers(partition, await this.#progress.read(partition))
    // One that begins with what the hub has, and has begun in no batch yet, waits for none.
    const isNew = this.#names.some((name) => !known.has(name))
    const points = this.#names.map((name) => known.get(name)).filter((point) => point !== undefined)
    // Where one handler is behind the others, its point is the one that counts.
    const point = points.reduce<HubPoint | undefined>(
      (least, each) => (least && isAhead(each, least) ? least : each),
      undefined,
    )
    const madeAt = await this.#madeAt()
    const observation = this.#observations.get(partition)
    const stood = observation !== undefined && JSON.stringify(observation.point) === JSON.stringify(point)
    if (!stood) this.#observations.set(partition, { point, since: clock.elapsed(), madeAt })
    // It went on, but in another hub: one that has grown beyond the old one's numbers brings a batch that
    // seems to continue the last one.
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
        point && point.time < madeAt ? HUB_RECREATED : 'the hub has no message any more, and may have dropped some'
      if (point) this.#reportLost(partition, point, what, trace)
      return
    }
    const from = !isNew && point && point.sequence < last ? Math.max(first, point.sequence + 1) : first
    const end = await this.#messageAt(partition, Math.min(last, from + MAX_CAUGHT_UP - 1))
    if (end === undefined) return
    await this.#closeGap(partition, known, { sequence: end.sequence + 1, time: end.time }, trace)
    this.#progress.advance(partition, this.#names, end)
    // There is more: the next check goes on.
    const { sequence, time } = end
    if (sequence < last)
      this.#observations.set(partition, {
        point: { sequence, time },
        since: clock.elapsed() - STOOD_STILL * lagCheckMs,
        madeAt,
      })
  }

  /**
   * Lets handlers that are new and begin with what comes next begin after what the others have handled: what
   * an older instance handles from here on is theirs too.
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

  /** Whether a message comes right after a point, in the same hub. */
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

  /** Whether the hub still has the very message of a point: then it is the hub that the point is of. */
  async #has(partition: string, point: HubPoint): Promise<boolean> {
    return (await this.#messageAt(partition, point.sequence))?.time === point.time
  }

  async #messageAt(partition: string, sequence: number): Promise<HubMessage | undefined> {
    for await (const [message] of this.#deps.hub.read(partition, sequence, sequence)) return message
    return undefined
  }

  /** Once for each point: a partition may be looked at many times before the loss is mended. */
  #reportLost(partition: string, point: HubPoint, what: string, trace: Trace): void {
    if (this.#reportedLost.get(partition)?.time === point.time) return
    this.#reportedLost.set(partition, point)
    const { hubName } = this.#deps
    trace(
      `${this.#describePartition(partition)}: events-missing: ${what}. The last that was handled is ${point.sequence} of ${point.time}. ` +
        `Publish again what came since: npm run republish -- ${hubName} --since ${point.time}`,
      'error',
    )
  }

  #describePartition(partition: string): string {
    return `${this.#deps.consumer}: partition ${partition} of ${this.#deps.hubName}`
  }
}

/**
 * Whether a message has a number that was handled, but came later than that one: the hub's numbers have begun
 * again.
 */
function isOfNewerHub(message: HubPoint, point: HubPoint): boolean {
  return message.sequence <= point.sequence && message.time > point.time
}
