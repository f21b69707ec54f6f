import { fromCloudEvent } from '../core/cloud-event.ts'
import { describeError, isTidemarkError, TidemarkError } from '../core/errors.ts'
import type {
  Discard,
  DiscardReason,
  ParkedKey,
  ParkedMessage,
  ParkingStore,
  RedriveOutcome,
  StoredParkedStream,
} from '../core/parking.ts'
import type { Clock } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { ROLLBACK_HOURS } from '../core/service.ts'
import { formatPosition } from '../core/stream.ts'
import type { Handler } from './consume.ts'
import { parseViewName } from './cursors.ts'
import { type ConsumerParking, describePlace, type StreamFailure } from './parking.ts'

const HOUR_MS = 3_600_000
/** How many events are taken up before what is done is noted. */
const PAGE = 50
/** How often somebody may add to a stream while it is taken up. */
const MAX_ROUNDS = 100
/** The most streams that are tried again at one time, of those that nobody asked for. */
const MAX_DUE = 100

export interface RedriveDependencies {
  readonly consumer: string
  readonly store: ParkingStore
  readonly parking: ConsumerParking
  readonly handlers: readonly Handler[]
  readonly clock: Pick<Clock, 'now'>
}

/** What became of a stream that was tried again. */
export interface RedriveResult extends ParkedKey {
  readonly outcome: RedriveOutcome
  /** Where it waits: why. */
  readonly reason?: string
}

/** What waits for one consumer. */
export interface Waiting {
  readonly consumer: string
  readonly streams: readonly StoredParkedStream[]
  readonly messages: readonly ParkedMessage[]
}

/** Looks after what waits for a consumer: by itself, and when somebody asks. */
export class Redrive {
  readonly #deps: RedriveDependencies

  constructor(deps: RedriveDependencies) {
    this.#deps = deps
  }

  get consumer(): string {
    return this.#deps.consumer
  }

  async waiting(): Promise<Waiting> {
    const { consumer, store } = this.#deps
    const [streams, messages] = await Promise.all([store.streams(), store.messages()])
    return { consumer, streams, messages }
  }

  /**
   * Tries again what is due: where another build runs than the one that failed, and otherwise after longer
   * and longer pauses. A cause that somebody mended frees what waits by itself.
   */
  async redriveDue(trace: Trace): Promise<readonly RedriveResult[]> {
    const { store, parking } = this.#deps
    const due = (await store.streams())
      // A log tells what is true. Of another service's events nobody here can: somebody has to.
      .filter((parked) => !(parked.code === 'fork-detected' && this.#findHandler(parked)?.retry))
      .filter((parked) => parking.isDue(parked))
      .slice(0, MAX_DUE)
    const done: RedriveResult[] = []
    let failure: unknown
    for (const parked of due)
      try {
        done.push(await this.redrive(parked, trace))
      } catch (error) {
        // What waits for a rebuild, and what somebody has taken up meanwhile, is no fault.
        if (!isTidemarkError(error, 'marks-expired') && !isTidemarkError(error, 'not-parked')) failure ??= error
      }
    if (failure !== undefined) throw failure
    return done
  }

  /**
   * Tries a stream again, in order, by today's code. Events that come meanwhile either wait too and are taken
   * up here, or come after.
   * @throws TidemarkError `not-parked`; `marks-expired` where only a rebuild of the view helps; `unavailable`
   */
  async redrive(key: ParkedKey, trace: Trace): Promise<RedriveResult> {
    return this.#redrive(key, trace, await this.#deps.store.discards())
  }

  /**
   * Gives up the event that a stream waits for, and tries the rest; or all that waits until now.
   * @throws TidemarkError as `redrive`
   */
  async discard(key: ParkedKey, what: 'first' | 'all', why: DiscardReason, trace: Trace): Promise<RedriveResult> {
    const { store, clock } = this.#deps
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const parked = await this.#parked(key)
      const { etag, ...before } = parked
      const handler = this.#findHandler(parked)
      const from = parked.version
      const to = what === 'first' ? from : Math.max(parked.last, (await handler?.newest?.(parked.stream)) ?? 0)
      const discard: Discard = {
        handler: parseViewName(parked.handler),
        stream: parked.stream,
        from,
        to,
        ...why,
        at: clock.now(),
      }
      const kept = await store.events(parked, PAGE)
      const drop = kept.map(({ version }) => version).filter((version) => version <= to)
      const after = { ...before, events: before.events - drop.length }
      // More than one page is dropped page by page: the record of it is the same.
      const result = await store.write(after, etag, { drop, discard })
      if (result.outcome === 'conflict' || drop.length === PAGE) continue
      trace(
        `${this.#deps.consumer}: ${why.by} gave up ${describe(parked.stream, from, to)} for ${parked.handler}: ${why.reason}`,
        'warn',
      )
      return this.redrive(key, trace)
    }
    throw contended(key)
  }

  /** Gives up a message that is no event. @throws TidemarkError `not-parked` */
  async discardMessage(id: string, why: DiscardReason, trace: Trace): Promise<void> {
    const { store, clock, consumer } = this.#deps
    const message = (await store.messages()).find((each) => each.id === id)
    if (message === undefined) throw new TidemarkError('not-parked', `${consumer} has no message ${id} that waits`)
    await store.dropMessage(id, { handler: consumer, stream: id, from: 0, to: 0, ...why, at: clock.now() })
    trace(`${consumer}: ${why.by} gave up the message of ${describePlace(message.place)}: ${why.reason}`, 'warn')
  }

  async #redrive(key: ParkedKey, trace: Trace, discards: readonly Discard[]): Promise<RedriveResult> {
    const { store, parking, consumer } = this.#deps
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const parked = await this.#parked(key)
      const handler = this.#findHandler(parked)
      const { etag, ...before } = parked
      const { stream } = parked
      if (handler === undefined || (await handler.isNeedless?.(parked.handler))) {
        if (handler === undefined) throw new TidemarkError('not-parked', `this code has no ${parked.handler}`)
        if (await store.remove(parked, etag, {})) return { handler: parked.handler, stream, outcome: 'needless' }
        continue
      }
      const tried = handler.retry
        ? await this.#retry(handler, parked, trace)
        : await this.#catchUp(handler, parked, discards)
      if (tried.failure) {
        const failed = parking.failedAgain(before, tried.failure)
        const result = await store.write({ ...failed, events: failed.events - tried.done.length }, etag, {
          drop: tried.done,
        })
        if (result.outcome === 'conflict') continue
        return { handler: parked.handler, stream, outcome: 'waits', reason: describeError(tried.failure.cause) }
      }
      if (tried.done.length === PAGE) {
        await store.write({ ...before, events: before.events - PAGE }, etag, { drop: tried.done })
        continue
      }
      // Who added to it meanwhile changed its etag: that is taken up too.
      if (!(await store.remove(parked, etag, { drop: tried.done }))) continue
      parking.forget()
      trace(`${consumer}: ${parked.handler} has taken up ${stream} again, from ${formatPosition(parked)} on`, 'warn')
      return { handler: parked.handler, stream, outcome: 'done' }
    }
    throw contended(key)
  }

  /** What a reaction waits for is kept with it. */
  async #retry(handler: Handler, parked: StoredParkedStream, trace: Trace): Promise<Attempt> {
    const kept = await this.#deps.store.events(parked, PAGE)
    const events = kept.map(({ text }) => fromCloudEvent(JSON.parse(text)))
    const failure = await handler.retry?.(events, { trace })
    const done = kept.map(({ version }) => version).filter((version) => !failure || version < failure.version)
    return { done, ...(failure ? { failure } : {}) }
  }

  /** What views wait for is in the log. */
  async #catchUp(handler: Handler, parked: StoredParkedStream, discards: readonly Discard[]): Promise<Attempt> {
    const { handler: entry, stream, since, version } = parked
    const age = Date.parse(this.#deps.clock.now()) - Date.parse(since)
    if (handler.usesMarkers?.(entry) && age > ROLLBACK_HOURS * HOUR_MS)
      throw new TidemarkError(
        'marks-expired',
        `${stream} has waited for ${entry} for so long that nobody knows any more which of its documents have ${formatPosition(parked)}: rebuild the view`,
      )
    const failures = await handler.catchUp?.(stream, version, new Set([entry]), (view, version) =>
      discards.some(
        (each) => each.handler === view && each.stream === stream && each.from <= version && version <= each.to,
      ),
    )
    const failure = failures?.[0]
    return { done: [], ...(failure ? { failure } : {}) }
  }

  async #parked(key: ParkedKey): Promise<StoredParkedStream> {
    const parked = await this.#deps.store.stream(key)
    if (parked === undefined)
      throw new TidemarkError('not-parked', `${key.stream} does not wait for ${key.handler} of ${this.#deps.consumer}`)
    return parked
  }

  #findHandler({ handler }: ParkedKey): Handler | undefined {
    return this.#deps.handlers.find(({ names }) => names.includes(parseViewName(handler)))
  }
}

/** What an attempt has done of what waited, and what it failed of. */
interface Attempt {
  readonly done: readonly number[]
  readonly failure?: StreamFailure
}

function describe(stream: string, from: number, to: number): string {
  return from === to ? formatPosition({ stream, version: from }) : `${stream} from version ${from} to ${to}`
}

function contended({ handler, stream }: ParkedKey): TidemarkError {
  return new TidemarkError('view-contended', `${stream} is added to faster than ${handler} can take it up`)
}

/** Tries again what is due of some consumers. What cannot be tried keeps no other from it. */
export async function redriveAll(redrives: readonly Redrive[], trace: Trace): Promise<void> {
  for (const redrive of redrives)
    try {
      await redrive.redriveDue(trace)
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      trace(`what waits could not be tried again: ${error.code}: ${error.message}`, 'warn')
    }
}
