import type { ErrorCode } from './errors.ts'
import type { WriteResult } from './ports.ts'

/** Where a message stands in a hub. */
export interface MessagePlace {
  readonly hub: string
  readonly partition: string
  /** Absent where the host does not say which of a batch's messages it is. */
  readonly sequence?: number
}

/** A handler of a stream: a reaction by its name, or a generation of a view (`sales-by-product@1`). */
export interface ParkedKey {
  readonly handler: string
  readonly stream: string
}

/**
 * A stream that waits for one handler: an event that this cannot process, and all later ones. Everything else goes on.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ParkedStream } from 'tidemark/tools'
 *
 * // What an alert says: who waits, for which event, and why.
 * type Told = Pick<ParkedStream, 'handler' | 'stream' | 'version' | 'code'>
 * const alert = (parked: Told): string => `${parked.handler}: ${parked.stream}@${parked.version} (${parked.code})`
 * const parked: Told = { handler: 'titles@1', stream: 'entry-1', version: 3, code: 'handler-failed' }
 * assert.equal(alert(parked), 'titles@1: entry-1@3 (handler-failed)')
 * ```
 */
export interface ParkedStream extends ParkedKey {
  /** Of the first event that waits, and its type. */
  readonly version: number
  readonly type: string
  /** Of the newest event that is kept. Of a view none is: it is the first that waits. */
  readonly last: number
  /** Why, as of the last attempt. */
  readonly code: ErrorCode
  readonly reason: string
  /** The build that made the last attempt. */
  readonly build: string
  readonly place?: MessagePlace
  /** RFC 3339, UTC, milliseconds. */
  readonly since: string
  readonly attempts: number
  /** Not tried again before, unless somebody asks or another build starts. RFC 3339, UTC, milliseconds. */
  readonly nextAttempt: string
  /** How many events are kept here, and their bytes. Those of a view are in its log, and none are kept. */
  readonly events: number
  readonly bytes: number
}

export interface StoredParkedStream extends ParkedStream {
  readonly etag: string
}

/** An event that waits, as the message that it came in. */
export interface ParkedEvent {
  readonly version: number
  /** A CloudEvent: JSON. */
  readonly text: string
}

/**
 * A message that belongs to no stream that anybody could read it as.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ParkedMessage } from 'tidemark/tools'
 *
 * // How it begins mostly tells who sends to the hub what no service wrote.
 * type Seen = Pick<ParkedMessage, 'place' | 'body'>
 * const clue = ({ place, body }: Seen): string => `${place.hub}/${place.partition}: ${body.slice(0, 40)}`
 * assert.equal(clue({ place: { hub: 'doors', partition: '0', sequence: 812 }, body: 'hello' }), 'doors/0: hello')
 * ```
 */
export interface ParkedMessage {
  /** The same message has the same id, however often it comes. */
  readonly id: string
  readonly place: MessagePlace
  readonly code: ErrorCode
  readonly reason: string
  /** Its beginning: text, or JSON. */
  readonly body: string
  readonly bytes: number
  /** RFC 3339, UTC, milliseconds. */
  readonly since: string
}

/** What somebody gave up. Kept for ever: a view that is rebuilt leaves the same events out. */
export interface Discard {
  /** A reaction, or a view: without its generation. */
  readonly handler: string
  readonly stream: string
  /** The versions that were given up. */
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly by: string
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
}

/** Which of what waits is meant: all of these must fit. None given: all of it. */
export interface ParkedChoice {
  readonly stream?: string
  /** A reaction, a view (all its generations), or a generation of a view. */
  readonly handler?: string
  /** An error code. */
  readonly code?: string
  /** The id of a message that is no event. */
  readonly message?: string
}

/**
 * - `redrive`: tried again, by today's code.
 * - `skip`: the event that a stream waits for is given up, and the rest is tried.
 * - `discard`: all that waits is given up.
 */
export type ParkedAction = 'redrive' | 'skip' | 'discard'

export interface ConsumerParkedStream {
  readonly consumer: string
  readonly stream: StoredParkedStream
}

export interface ConsumerParkedMessage {
  readonly consumer: string
  readonly message: ParkedMessage
}

/** What waits. */
export interface Parked {
  readonly streams: readonly ConsumerParkedStream[]
  readonly messages: readonly ConsumerParkedMessage[]
}

/**
 * - `done`: it waits no longer. - `waits`: it still cannot be processed. - `needless`: nobody needs it any
 * more: its view was rebuilt.
 */
export type RedriveOutcome = 'done' | 'waits' | 'needless'

/** Who gives something up, and why. Kept for ever. */
export interface DiscardReason {
  readonly reason: string
  readonly by: string
}

/** Something that waits, and what became of it. */
export type ParkedActionResult = (ConsumerParkedStream | ConsumerParkedMessage) & {
  /** What became of it: as `RedriveOutcome`; `discarded`, of a message; `failed`, where `reason` says why. */
  readonly outcome: RedriveOutcome | 'discarded' | 'failed'
  /** Of a failure. */
  readonly code?: string
  readonly reason?: string
}

/** What changes together with a parked stream. */
export interface ParkingChange {
  /** Kept, or kept already. */
  readonly add?: readonly ParkedEvent[]
  /** Versions that wait no longer. */
  readonly drop?: readonly number[]
  readonly discard?: Discard
}

/**
 * What waits for the handlers of one consumer. A parked stream and its events change together, and only where
 * the stream is what it was when it was read: who adds to it and who takes it up never miss each other.
 */
export interface ParkingStore {
  /** How many events one change adds and drops. */
  readonly maxEventsPerChange: number
  /** All that wait. @throws TidemarkError `unavailable` */
  streams(): Promise<readonly StoredParkedStream[]>
  stream(key: ParkedKey): Promise<StoredParkedStream | undefined>
  /** The events that are kept of a stream, the oldest first, at most so many. */
  events(key: ParkedKey, limit: number): Promise<readonly ParkedEvent[]>
  /**
   * Writes a stream where its etag is still this one; undefined where it must not be there.
   * @throws TidemarkError `unavailable`, `outcome-unknown`: to do it again is safe.
   */
  write(parked: ParkedStream, etag: string | undefined, change: ParkingChange): Promise<WriteResult>
  /** Ends the waiting of a stream whose etag is still this one. @returns whether it was. */
  remove(key: ParkedKey, etag: string, change: Omit<ParkingChange, 'add'>): Promise<boolean>

  /** Keeps a message; one with the same id stays as it is. @returns whether it is new. */
  keepMessage(message: ParkedMessage): Promise<boolean>
  messages(): Promise<readonly ParkedMessage[]>
  /** @param discard what is recorded of it. */
  dropMessage(id: string, discard: Discard): Promise<void>

  discards(): Promise<readonly Discard[]>
}
