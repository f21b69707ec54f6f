import { LRUCache } from 'lru-cache'
import {
  describeError,
  type ErrorCode,
  type FailureClass,
  failureClass,
  findTidemarkError,
  isTidemarkError,
  TidemarkError,
} from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import type {
  MessagePlace,
  ParkedEvent,
  ParkedKey,
  ParkedStream,
  ParkingStore,
  StoredParkedStream,
} from '../core/parking.ts'
import type { Clock } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { formatPosition } from '../core/stream.ts'

/**
 * Limits of the dead-letter store. Beyond them the partition is blocked, so that a general fault cannot fill
 * the store.
 */
export interface ParkingLimits {
  /** Streams and messages of one consumer. */
  readonly parked: number
  /** Stored events of one stream, and their bytes. */
  readonly events: number
  readonly bytes: number
}

const LIMITS: ParkingLimits = { parked: 1_000, events: 10_000, bytes: 64 * 1024 * 1024 }
/** From this share of a limit on, a warning is logged. */
const WARN_FROM = 0.8

/** If more streams of one handler fail within a minute, the events are not the cause: the handler pauses. */
const PAUSES_AFTER = 20
const WITHIN_MS = 60_000
/**
 * A pause ends as soon as the handler processes an event, and at the latest after this time. Failures after
 * that are parked again.
 */
const PAUSE_MS = 600_000

/** A stream is parked for a transient failure if it fails for this long while others succeed. */
const ALONE_AFTER_MS = 60_000
const MAX_FAILURES = 10_000

const FIRST_RETRY_MS = 60_000
const LAST_RETRY_MS = 3_600_000

const BODY_BYTES = 64 * 1024
const MAX_CHANGES = 20
const EVENTS_BYTES = 1024 * 1024

/** A stream that a handler could not process. */
export interface StreamFailure extends ParkedKey {
  /** The version of the first unprocessed event. */
  readonly version: number
  readonly type: string
  readonly cause: unknown
}

interface ParkingDependencies {
  readonly store: ParkingStore
  /** For log lines, and for the command that they suggest. */
  readonly consumer: string
  readonly service: string
  readonly build: string
  readonly clock: Clock
  readonly limits?: ParkingLimits
}

/** Classifies a failure by its error code. An error without a code of Tidemark is `internal`. */
export function classifyFailure(cause: unknown): { readonly code: ErrorCode; readonly class: FailureClass } {
  const code = findTidemarkError(cause)?.code ?? 'internal'
  return { code, class: failureClass(code) }
}

/** Selects the failure to report: a permanent one if there is any, else the first. */
export function selectWorst(failures: readonly unknown[]): unknown {
  return failures.find((failure) => classifyFailure(failure).class === 'permanent') ?? failures[0]
}

/**
 * Returns the error that a handler's own code threw, for log lines that point to that code. Other errors are
 * returned unchanged.
 */
export function thrownBy(error: unknown): unknown {
  return isTidemarkError(error, 'handler-failed') && error.cause !== undefined ? error.cause : error
}

/** The error of an event that a view cannot apply, which names both. */
export function cannotApply(
  view: string,
  event: Pick<RecordedEvent, 'stream' | 'version' | 'type'>,
  cause: TidemarkError,
  code: ErrorCode = cause.code,
): TidemarkError {
  const place = `${formatPosition(event)} (${event.type})`
  return new TidemarkError(code, `the view ${view} cannot apply ${place}: ${cause.message}`, { cause })
}

/**
 * Calls a handler's own code. Its errors become `handler-failed`, unless they contain a TidemarkError.
 * @param name of the handler.
 */
export async function callHandler<Result>(name: string, call: () => Result): Promise<Awaited<Result>> {
  try {
    return await call()
  } catch (cause) {
    throw handlerFailed(name, cause)
  }
}

/** As `callHandler`, for synchronous code. */
export function callPure<Result>(name: string, call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    throw handlerFailed(name, cause)
  }
}

function handlerFailed(name: string, cause: unknown): unknown {
  const known = findTidemarkError(cause)
  return known ?? new TidemarkError('handler-failed', `${name} threw: ${describeError(cause)}`, { cause })
}

/**
 * The parked streams and messages of a consumer. Only the class of a failure decides whether its stream is
 * parked, never its share of a batch. A process caches parked streams: it reads them when it takes over a
 * partition, and updates what it writes. A redrive removes a stream under its etag. So an event is either
 * added before that, or its handler finds that the stream is no longer parked.
 */
export class ConsumerParking {
  readonly #deps: ParkingDependencies
  readonly #limits: ParkingLimits
  readonly #failing = new LRUCache<string, number>({ max: MAX_FAILURES })
  readonly #parkedLately = new Map<string, { readonly at: number; readonly stream: string }[]>()
  readonly #pauses = new Map<string, number>()
  #succeeded: { readonly what: string; readonly at: number } | undefined
  #succeededBefore: { readonly what: string; readonly at: number } | undefined
  #known: Promise<Map<string, StoredParkedStream>> | undefined

  constructor(deps: ParkingDependencies) {
    this.#deps = deps
    this.#limits = deps.limits ?? LIMITS
  }

  /** The handlers that are paused now. */
  paused(): readonly string[] {
    const now = this.#deps.clock.elapsed()
    return [...this.#pauses].flatMap(([handler, until]) => (now < until ? [handler] : []))
  }

  /** Drops the cache: another instance may have parked something. */
  forget(): void {
    this.#known = undefined
  }

  /** Returns a parked stream, as far as this process knows. @throws TidemarkError `unavailable` */
  async waiting(key: ParkedKey): Promise<StoredParkedStream | undefined> {
    return (await this.#all()).get(formatParkedKey(key))
  }

  /** Records that a handler has processed events of a stream. */
  succeeded({ handler, stream }: ParkedKey): void {
    const what = formatParkedKey({ handler, stream })
    this.#failing.delete(what)
    this.#pauses.delete(handler)
    // Of the last two successes, at least one is not about any given stream and handler.
    if (this.#succeeded?.what !== what) this.#succeededBefore = this.#succeeded
    this.#succeeded = { what, at: this.#deps.clock.elapsed() }
  }

  /**
   * Whether a failure parks its stream. Otherwise the batch fails and is redelivered.
   * @throws TidemarkError `handler-paused` if so many streams of the handler failed that the events are not
   * the cause.
   */
  shouldPark({ handler, stream, cause }: StreamFailure): boolean {
    const now = this.#deps.clock.elapsed()
    const { class: kind } = classifyFailure(cause)
    if (kind === 'passing' || kind === 'fault') {
      const what = formatParkedKey({ handler, stream })
      const since = this.#failing.get(what) ?? now
      this.#failing.set(what, since)
      const others = [this.#succeeded, this.#succeededBefore].some(
        (success) => success && success.what !== what && success.at > since,
      )
      return others && now - since >= ALONE_AFTER_MS
    }
    // A deployment in the wrong order causes many of these, and the handler is not at fault.
    if (kind === 'needs-build') return true
    const until = this.#pauses.get(handler)
    if (until !== undefined) {
      if (now < until) throw this.#paused(handler, cause)
      this.#pauses.delete(handler)
      this.#parkedLately.delete(handler)
    }
    const lately = (this.#parkedLately.get(handler) ?? []).filter(({ at }) => now - at < WITHIN_MS)
    if (!lately.some((each) => each.stream === stream)) lately.push({ at: now, stream })
    this.#parkedLately.set(handler, lately)
    if (lately.length <= PAUSES_AFTER) return true
    this.#pauses.set(handler, now + PAUSE_MS)
    throw this.#paused(handler, cause)
  }

  /** Parks a stream without storing its events. */
  async note(failure: StreamFailure, place: MessagePlace | undefined, trace: Trace): Promise<void> {
    await this.#park(failure, place, [], trace)
  }

  /** Parks a stream with its events, starting with the one that failed. */
  async park(
    failure: StreamFailure,
    place: MessagePlace | undefined,
    events: readonly ParkedEvent[],
    trace: Trace,
  ): Promise<void> {
    await this.#park(failure, place, events, trace)
  }

  /** Adds later events to a parked stream. @returns whether it is still parked; if not, process the events. */
  async add(key: ParkedKey, events: readonly ParkedEvent[], trace: Trace): Promise<boolean> {
    const known = await this.waiting(key)
    if (known === undefined) return false
    return this.#add(known, events, trace)
  }

  /**
   * Records a newer version on a parked stream whose events are stored elsewhere, so that a redrive sees it.
   * @returns whether the stream is parked.
   */
  async wait(key: ParkedKey, version: number): Promise<boolean> {
    const all = await this.#all()
    const { store } = this.#deps
    let known = all.get(formatParkedKey(key))
    for (let attempt = 1; known; attempt += 1) {
      const { etag, ...before }: StoredParkedStream = known
      const after = { ...before, last: Math.max(before.last, version) }
      const result = await store.write(after, etag, {})
      if (result.outcome === 'written') {
        all.set(formatParkedKey(key), { ...after, etag: result.etag })
        return true
      }
      if (attempt === MAX_CHANGES)
        throw new TidemarkError('view-contended', `${key.stream} is redriven for ${key.handler} while events are added`)
      known = await store.stream(key)
    }
    all.delete(formatParkedKey(key))
    return false
  }

  /** Parks a message that is not an event. */
  async keepMessage(place: MessagePlace, body: unknown, cause: unknown, trace: Trace): Promise<void> {
    const text = formatBody(body)
    const { code } = classifyFailure(cause)
    const reason = describeError(cause)
    const id = `${place.hub}|${place.partition}|${place.sequence ?? canonicalHash(text)}`
    const bytes = Buffer.byteLength(text)
    await this.#checkRoom(trace)
    const kept = await this.#deps.store.keepMessage({
      id,
      place,
      code,
      reason,
      body: Buffer.from(text).subarray(0, BODY_BYTES).toString(),
      bytes,
      since: this.#deps.clock.now(),
    })
    if (kept)
      trace(
        `${this.#deps.consumer}: a message of ${describePlace(place)} is not an event and is parked: ${code}: ` +
          `${reason}. See it: npm run parked -- ${this.#deps.service}`,
        'error',
      )
  }

  /** The parked stream after another failed attempt: the reason, and the time of the next attempt. */
  failedAgain(parked: ParkedStream, { version, type, cause }: StreamFailure): ParkedStream {
    const attempts = parked.attempts + 1
    return { ...parked, version, type, ...this.#why(cause), attempts, nextAttempt: this.#nextAttempt(attempts) }
  }

  /** Whether a stream is due for an automatic retry. */
  isDue(parked: ParkedStream): boolean {
    const isOtherBuild = parked.build !== this.#deps.build
    return (isOtherBuild && failureClass(parked.code) === 'needs-build') || parked.nextAttempt <= this.#deps.clock.now()
  }

  async #park(
    failure: StreamFailure,
    place: MessagePlace | undefined,
    events: readonly ParkedEvent[],
    trace: Trace,
  ): Promise<void> {
    const { store, clock } = this.#deps
    const { handler, stream, version, type, cause } = failure
    await this.#checkRoom(trace)
    const [first = [], ...rest] = splitIntoChanges(events, store)
    const parked: ParkedStream = {
      handler,
      stream,
      version,
      type,
      ...this.#why(cause),
      ...(place ? { place } : {}),
      since: clock.now(),
      attempts: 1,
      nextAttempt: this.#nextAttempt(1),
      last: Math.max(version, ...first.map((event) => event.version)),
      events: first.length,
      bytes: countBytes(first),
    }
    const result = await store.write(parked, undefined, { add: first })
    let stored: StoredParkedStream
    if (result.outcome === 'written') {
      stored = { ...parked, etag: result.etag }
      ;(await this.#all()).set(formatParkedKey(parked), stored)
      this.#logParked(parked, thrownBy(cause), trace)
      if (rest.length > 0) await this.#add(stored, rest.flat(), trace)
      return
    }
    // Another instance has parked it, or this one did before a crash.
    const there = await store.stream(parked)
    if (there === undefined) return this.#park(failure, place, events, trace)
    // Or a later event is parked, and this one was lost and is published again.
    if (events.length > 0 && version < there.version) {
      const { etag, ...before } = there
      const fresh = first.filter((event) => event.version < there.version)
      const kept = { events: before.events + fresh.length, bytes: before.bytes + countBytes(fresh) }
      await store.write({ ...before, version, type, ...this.#why(cause), ...kept }, etag, { add: fresh })
      return this.#park(failure, place, events, trace)
    }
    if (events.length > 0 && !(await this.#add(there, events, trace))) return this.#park(failure, place, events, trace)
    ;(await this.#all()).set(formatParkedKey(there), (await store.stream(there)) ?? there)
  }

  async #add(known: StoredParkedStream, events: readonly ParkedEvent[], trace: Trace): Promise<boolean> {
    const all = await this.#all()
    let current = known
    // A redelivery repeats events that were processed before the stream was parked.
    const left = events.filter(({ version }) => version >= known.version)
    for (const add of splitIntoChanges(left, this.#deps.store)) {
      const added = await this.#addPart(current, add, trace)
      if (added === undefined) {
        all.delete(formatParkedKey(known))
        return false
      }
      current = added
      all.set(formatParkedKey(known), current)
    }
    return true
  }

  /** @returns undefined if the stream is no longer parked. */
  async #addPart(
    known: StoredParkedStream,
    add: readonly ParkedEvent[],
    trace: Trace,
  ): Promise<StoredParkedStream | undefined> {
    const { store } = this.#deps
    let current: StoredParkedStream | undefined = known
    for (let attempt = 1; current && attempt <= MAX_CHANGES; attempt += 1) {
      const { etag, ...before }: StoredParkedStream = current
      const fresh = add.filter(({ version }) => version > before.last)
      const after: ParkedStream = {
        ...before,
        last: Math.max(before.last, ...add.map(({ version }) => version)),
        events: before.events + fresh.length,
        bytes: before.bytes + countBytes(fresh),
      }
      this.#checkSize(after, trace)
      const result = await store.write(after, etag, { add })
      if (result.outcome === 'written') return { ...after, etag: result.etag }
      current = await store.stream(known)
    }
    if (current === undefined) return undefined
    throw new TidemarkError('view-contended', `${known.stream} is redriven for ${known.handler} while events are added`)
  }

  #why(cause: unknown): Pick<ParkedStream, 'code' | 'reason' | 'build'> {
    return { code: classifyFailure(cause).code, reason: describeError(cause), build: this.#deps.build }
  }

  #nextAttempt(attempts: number): string {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** (attempts - 1), LAST_RETRY_MS)
    return new Date(Date.parse(this.#deps.clock.now()) + wait).toISOString()
  }

  #all(): Promise<Map<string, StoredParkedStream>> {
    this.#known ??= this.#deps.store
      .streams()
      .then((streams) => new Map(streams.map((parked) => [formatParkedKey(parked), parked])))
      .catch((error: unknown) => {
        this.#known = undefined
        throw error
      })
    return this.#known
  }

  #paused(handler: string, cause: unknown): TidemarkError {
    return new TidemarkError(
      'handler-paused',
      `${handler} failed for more than ${PAUSES_AFTER} streams within a minute, ` +
        `so the events are not the cause: ${describeError(cause)}`,
      { cause },
    )
  }

  async #checkRoom(trace: Trace): Promise<void> {
    const { consumer, service } = this.#deps
    const count = (await this.#all()).size + (await this.#deps.store.messages()).length
    const { parked } = this.#limits
    if (count >= parked)
      throw new TidemarkError(
        'parking-full',
        `${consumer}: ${count} streams and messages wait, and the limit is ${parked}: redrive or discard some`,
      )
    if (count + 1 >= WARN_FROM * parked)
      trace(
        `${consumer}: ${count + 1} streams and messages wait; at ${parked} the partition is blocked: ` +
          `npm run parked -- ${service}`,
        'error',
      )
  }

  #checkSize({ handler, stream, events, bytes }: ParkedStream, trace: Trace): void {
    const { consumer } = this.#deps
    const used = Math.max(events / this.#limits.events, bytes / this.#limits.bytes)
    if (used > 1)
      throw new TidemarkError(
        'parking-full',
        `${consumer}: ${events} events of ${stream} wait for ${handler}: the limit is reached`,
      )
    if (used >= WARN_FROM)
      trace(`${consumer}: ${events} events of ${stream} wait for ${handler}: soon the partition is blocked`, 'error')
  }

  #logParked(
    { handler, stream, version, type, code, reason, place }: ParkedStream,
    cause: unknown,
    trace: Trace,
  ): void {
    const { consumer, service } = this.#deps
    const thrown = code === 'handler-failed' ? thrownAt(cause) : ''
    const where = place ? ` (${describePlace(place)})` : ''
    trace(
      `${consumer}: ${handler} cannot process ${formatPosition({ stream, version })} ${type}${where}: ${code}: ` +
        `${reason}. ${thrown}Only this stream waits, and only for this handler. See it: npm run parked -- ${service}`,
      'error',
    )
  }
}

/** The source location of an error, from its stack. */
function thrownAt(error: unknown): string {
  const [, frame] = /^ +(at .+)$/m.exec((error instanceof Error && error.stack) || '') ?? []
  return frame === undefined ? '' : `It was thrown ${frame}. `
}

function formatParkedKey({ handler, stream }: ParkedKey): string {
  return `${handler}|${stream}`
}

export function describePlace({ hub, partition, sequence }: MessagePlace): string {
  return `hub ${hub}, partition ${partition}${sequence === undefined ? '' : `, number ${sequence}`}`
}

/**
 * The text of a message's body for display. If JSON cannot represent it, such as a body that is nested too
 * deeply, only its outer part.
 */
function formatBody(body: unknown): string {
  if (typeof body === 'string') return body
  try {
    return JSON.stringify(body) ?? ''
  } catch {
    return describeError(body)
  }
}

/** Splits events into parts that fit into one change, by number and size. */
function splitIntoChanges(
  events: readonly ParkedEvent[],
  { maxEventsPerChange: eventsAtOnce }: ParkingStore,
): ParkedEvent[][] {
  const parts: ParkedEvent[][] = []
  let bytes = 0
  for (const event of events) {
    const size = Buffer.byteLength(event.text)
    const last = parts.at(-1)
    if (last && last.length < eventsAtOnce && bytes + size <= EVENTS_BYTES) {
      last.push(event)
      bytes += size
    } else {
      parts.push([event])
      bytes = size
    }
  }
  return parts
}

function countBytes(events: readonly ParkedEvent[]): number {
  return events.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
}
