import { fromCloudEvent } from '../core/cloud-event.ts'
import { type Refusal, refuse } from '../core/decider.ts'
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
import { formatPosition, type Position } from '../core/stream.ts'
import type { Handler } from './consume.ts'
import { parseViewName } from './cursors.ts'
import { type ConsumerParking, describePlace, type StreamFailure } from './parking.ts'

const HOUR_MS = 3_600_000
/** How many events are redriven before the result is stored. */
const PAGE = 50
/** The most rounds of one redrive while events are added to its stream. */
const MAX_ROUNDS = 100
/** The most streams that one automatic redrive retries. */
const MAX_DUE = 100

interface RedriveDependencies {
  readonly consumer: string
  readonly store: ParkingStore
  readonly parking: ConsumerParking
  readonly handlers: readonly Handler[]
  readonly clock: Pick<Clock, 'now'>
}

/** The result of redriving a stream. */
interface RedriveResult extends ParkedKey {
  readonly outcome: RedriveOutcome
  /** Why the stream is still parked, if it is. */
  readonly reason?: string
}

/** The parked streams and messages of one consumer. */
interface Waiting {
  readonly consumer: string
  readonly streams: readonly StoredParkedStream[]
  readonly messages: readonly ParkedMessage[]
}

/** Redrives and discards the parked streams of a consumer, automatically and on request. */
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
   * Redrives the due streams: immediately after a deployment of another build, otherwise with growing pauses.
   * So a fixed cause frees its streams automatically.
   */
  async redriveDue(trace: Trace): Promise<readonly RedriveResult[]> {
    const { store, parking } = this.#deps
    const due = (await store.streams())
      // After a fork, the own log shows which event is right. For events of another service an operator must
      // decide.
      .filter((parked) => !(parked.code === 'fork-detected' && this.#findHandler(parked)?.retry))
      .filter((parked) => parking.isDue(parked))
      .slice(0, MAX_DUE)
    const done: RedriveResult[] = []
    let failure: unknown
    for (const parked of due)
      try {
        // A stream that needs a rebuild, or was redriven meanwhile, is not a failure.
        const result = await this.#redrive(parked, trace, await store.discards())
        if (result.outcome !== 'refused') done.push(result)
      } catch (error) {
        failure ??= error
      }
    if (failure !== undefined) throw failure
    return done
  }

  /**
   * Redrives a stream, in order, with the current code. New events either are parked too and redriven here,
   * or are processed after it.
   * @throws TidemarkError `not-parked`; `marks-expired` if only a rebuild of the view helps; `unavailable`
   */
  async redrive(key: ParkedKey, trace: Trace): Promise<RedriveResult> {
    const result = await this.#redrive(key, trace, await this.#deps.store.discards())
    if (result.outcome === 'refused') throw asError(result)
    return result
  }

  /**
   * Discards the event at which a stream is parked and redrives the rest, or discards everything parked so
   * far.
   * @throws TidemarkError as `redrive`
   */
  async discard(key: ParkedKey, what: 'first' | 'all', why: DiscardReason, trace: Trace): Promise<RedriveResult> {
    const { store, clock } = this.#deps
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const parked = await store.stream(key)
      if (parked === undefined) throw asError(this.#notParked(key))
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
      // A view with a cursor passes the discarded events when they are redriven.
      const its = handler?.namesService ? [] : kept
      const drop = its.map(({ version }) => version).filter((version) => version <= to)
      const after = { ...before, events: before.events - drop.length }
      // More than one page is dropped page by page, with the same discard record.
      const result = await store.write(after, etag, { drop, discard })
      if (result.outcome === 'conflict' || drop.length === PAGE) continue
      trace(
        `${this.#deps.consumer}: ${why.by} discarded ${describe(parked.stream, from, to)} ` +
          `for ${parked.handler}: ${why.reason}`,
        'warn',
      )
      return this.redrive(key, trace)
    }
    throw contended(key)
  }

  /** Discards a message that is not an event. @throws TidemarkError `not-parked` */
  async discardMessage(id: string, why: DiscardReason, trace: Trace): Promise<void> {
    const { store, clock, consumer } = this.#deps
    const message = (await store.messages()).find((each) => each.id === id)
    if (message === undefined) throw new TidemarkError('not-parked', `${consumer} has no parked message ${id}`)
    await store.dropMessage(id, { handler: consumer, stream: id, from: 0, to: 0, ...why, at: clock.now() })
    trace(`${consumer}: ${why.by} discarded the message of ${describePlace(message.place)}: ${why.reason}`, 'warn')
  }

  async #redrive(key: ParkedKey, trace: Trace, discards: readonly Discard[]): Promise<RedriveResult | NotRedriven> {
    const { store, parking, consumer } = this.#deps
    for (let round = 1; round <= MAX_ROUNDS; round += 1) {
      const parked = await store.stream(key)
      if (parked === undefined) return this.#notParked(key)
      const handler = this.#findHandler(parked)
      const { etag, ...before } = parked
      const { stream } = parked
      if (handler === undefined || (await handler.isNeedless?.(parked.handler))) {
        if (handler === undefined) return refuse('not-parked', `this build has no handler ${parked.handler}`)
        if (await this.#removeNeedless(parked)) return { handler: parked.handler, stream, outcome: 'needless' }
        continue
      }
      const expired = this.#checkMarkers(handler, parked)
      if (expired) return expired
      const tried = handler.retry
        ? await this.#retry(handler, parked, { trace, discards })
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
      // An event that was added meanwhile has changed the etag, so it is redriven too.
      if (!(await store.remove(parked, etag, { drop: tried.done }))) continue
      parking.forget()
      trace(`${consumer}: ${parked.handler} has resumed ${stream} from ${formatPosition(parked)} on`, 'warn')
      return { handler: parked.handler, stream, outcome: 'done' }
    }
    throw contended(key)
  }

  /** @returns false if the stream was changed meanwhile, or has more events to drop. */
  async #removeNeedless({ etag, ...parked }: StoredParkedStream): Promise<boolean> {
    const { store } = this.#deps
    const drop = (await store.events(parked, PAGE)).map(({ version }) => version)
    if (drop.length < PAGE) return store.remove(parked, etag, { drop })
    await store.write({ ...parked, events: parked.events - drop.length }, etag, { drop })
    return false
  }

  /** Refuses a stream of a view whose documents no longer show what they have. */
  #checkMarkers(handler: Handler, { handler: entry, stream, since, version }: StoredParkedStream) {
    const age = Date.parse(this.#deps.clock.now()) - Date.parse(since)
    if (!handler.usesMarkers?.(entry) || age <= ROLLBACK_HOURS * HOUR_MS) return undefined
    return refuse(
      'marks-expired',
      `${stream} was parked for ${entry} too long: nothing shows any more which of its documents have ` +
        `${formatPosition({ stream, version })}. Rebuild the view`,
    )
  }

  /** Redrives a handler of other services' events, which are parked with the stream. */
  async #retry(
    handler: Handler,
    parked: StoredParkedStream,
    { trace, discards }: { readonly trace: Trace; readonly discards: readonly Discard[] },
  ): Promise<Attempt> {
    const kept = await this.#deps.store.events(parked, PAGE)
    const events = kept.map(({ text }) => fromCloudEvent(JSON.parse(text)))
    const { handler: name, stream } = parked
    const isDiscarded = (version: number) => includesVersion(discards, parseViewName(name), { stream, version })
    const failure = await handler.retry?.(events, { trace }, { handler: name, stream, isDiscarded })
    const done = kept.map(({ version }) => version).filter((version) => !failure || version < failure.version)
    return { done, ...(failure ? { failure } : {}) }
  }

  /** Redrives a view, whose events are in the log. */
  async #catchUp(handler: Handler, parked: StoredParkedStream, discards: readonly Discard[]): Promise<Attempt> {
    const { handler: entry, stream, version: from } = parked
    const failures = await handler.catchUp?.(stream, from, new Set([entry]), (view, version) =>
      includesVersion(discards, view, { stream, version }),
    )
    const failure = failures?.[0]
    return { done: [], ...(failure ? { failure } : {}) }
  }

  #notParked({ handler, stream }: ParkedKey): NotRedriven {
    return refuse('not-parked', `${stream} is not parked for ${handler} of ${this.#deps.consumer}`)
  }

  #findHandler({ handler }: ParkedKey): Handler | undefined {
    return this.#deps.handlers.find(({ names }) => names.includes(parseViewName(handler)))
  }
}

/** Whether an event was discarded for a handler. */
function includesVersion(discards: readonly Discard[], handler: string, { stream, version }: Position): boolean {
  return discards.some(
    (each) => each.handler === handler && each.stream === stream && each.from <= version && version <= each.to,
  )
}

/** Why a stream cannot be redriven. */
type NotRedriven = Refusal<'not-parked' | 'marks-expired'>

/** For an operator, whose request fails. */
function asError({ code, detail }: NotRedriven): TidemarkError {
  return new TidemarkError(code, detail)
}

/** The parked versions that an attempt processed, and the failure that stopped it. */
interface Attempt {
  readonly done: readonly number[]
  readonly failure?: StreamFailure
}

function describe(stream: string, from: number, to: number): string {
  return from === to ? formatPosition({ stream, version: from }) : `${stream} from version ${from} to ${to}`
}

function contended({ handler, stream }: ParkedKey): TidemarkError {
  return new TidemarkError('view-contended', `events are added to ${stream} faster than ${handler} can redrive it`)
}

/** Redrives the due streams of some consumers. A failure of one consumer does not stop the others. */
export async function redriveAll(redrives: readonly Redrive[], trace: Trace): Promise<void> {
  for (const redrive of redrives)
    try {
      await redrive.redriveDue(trace)
    } catch (error) {
      if (!isTidemarkError(error)) throw error
      trace(`parked streams could not be redriven: ${error.code}: ${error.message}`, 'warn')
    }
}
