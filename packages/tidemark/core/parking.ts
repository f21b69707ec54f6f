import type { ErrorCode } from './errors.ts'
import type { WriteResult } from './ports.ts'

/** A message's place in a hub. */
export interface MessagePlace {
  readonly hub: string
  readonly partition: string
  /** Absent if the host does not say which message of a batch it is. */
  readonly sequence?: number
}

/**
 * A handler and a stream. The handler is a reaction's name or a generation of a view (`sales-by-product@1`).
 */
export interface ParkedKey {
  readonly handler: string
  readonly stream: string
}

/**
 * A stream that is parked for one handler, from an event the handler cannot process. Later events of the
 * stream wait behind it. All other streams continue.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ParkedStream } from 'tidemark/tools'
 *
 * // An alert names the handler, the event and the reason.
 * type Alert = Pick<ParkedStream, 'handler' | 'stream' | 'version' | 'code'>
 * const alert = (parked: Alert): string => `${parked.handler}: ${parked.stream}@${parked.version} (${parked.code})`
 * const parked: Alert = { handler: 'titles@1', stream: 'entry-1', version: 3, code: 'handler-failed' }
 * assert.equal(alert(parked), 'titles@1: entry-1@3 (handler-failed)')
 * ```
 */
export interface ParkedStream extends ParkedKey {
  /** The version of the first parked event; `type` is its type. */
  readonly version: number
  readonly type: string
  /**
   * The version of the newest parked event. For a view it equals `version`, because its events are not stored
   * here.
   */
  readonly last: number
  /** The error code of the last attempt. */
  readonly code: ErrorCode
  readonly reason: string
  /** The build that made the last attempt. */
  readonly build: string
  readonly place?: MessagePlace
  /** RFC 3339, UTC, milliseconds. */
  readonly since: string
  readonly attempts: number
  /**
   * The next automatic attempt: RFC 3339, UTC, milliseconds. An operator's redrive or a new build retries
   * earlier.
   */
  readonly nextAttempt: string
  /**
   * How many events are stored here, and their bytes. A view's events are in its log, so none are stored
   * here.
   */
  readonly events: number
  readonly bytes: number
}

export interface StoredParkedStream extends ParkedStream {
  readonly etag: string
}

/** A parked event, as the message that delivered it. */
export interface ParkedEvent {
  readonly version: number
  /** A CloudEvent: JSON. */
  readonly text: string
}

/**
 * A parked message that cannot be read as an event of any stream.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ParkedMessage } from 'tidemark/tools'
 *
 * // The first characters usually show who sent a foreign message to the hub.
 * type Seen = Pick<ParkedMessage, 'place' | 'body'>
 * const clue = ({ place, body }: Seen): string => `${place.hub}/${place.partition}: ${body.slice(0, 40)}`
 * assert.equal(clue({ place: { hub: 'doors', partition: '0', sequence: 812 }, body: 'hello' }), 'doors/0: hello')
 * ```
 */
export interface ParkedMessage {
  /** Derived from the message: the same message always has the same id. */
  readonly id: string
  readonly place: MessagePlace
  readonly code: ErrorCode
  readonly reason: string
  /** The start of the body: text or JSON. */
  readonly body: string
  readonly bytes: number
  /** RFC 3339, UTC, milliseconds. */
  readonly since: string
}

/** Events that an operator discarded. Stored for ever, so that a rebuilt view skips the same events. */
export interface Discard {
  /** A reaction, or a view without its generation. */
  readonly handler: string
  readonly stream: string
  /** The first discarded version; `to` is the last. */
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly by: string
  /** RFC 3339, UTC, milliseconds. */
  readonly at: string
}

/** Selects parked streams and messages that match every given field; without fields, all of them. */
export interface ParkedChoice {
  readonly stream?: string
  /** A reaction, a view (all its generations), or a generation of a view. */
  readonly handler?: string
  /** An error code. */
  readonly code?: string
  /** The id of a message that is not an event. */
  readonly message?: string
}

/**
 * - `redrive`: tries again with the current code.
 * - `skip`: discards the event a stream waits for, and tries the rest.
 * - `discard`: discards everything that is parked.
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

/** Parked streams and messages. */
export interface Parked {
  readonly streams: readonly ConsumerParkedStream[]
  readonly messages: readonly ConsumerParkedMessage[]
}

/**
 * - `done`: no longer parked.
 * - `waits`: it still cannot be processed.
 * - `needless`: no longer needed, because its view was rebuilt.
 */
export type RedriveOutcome = 'done' | 'waits' | 'needless'

/** Who discards events, and why. Stored for ever. */
export interface DiscardReason {
  readonly reason: string
  readonly by: string
}

/** A parked item and the result of the action on it. */
export type ParkedActionResult = (ConsumerParkedStream | ConsumerParkedMessage) & {
  /** As in `RedriveOutcome`; `discarded` for a message; `failed` with a `reason`. */
  readonly outcome: RedriveOutcome | 'discarded' | 'failed'
  /** The error code of a failure. */
  readonly code?: string
  readonly reason?: string
}

/** What is written together with a parked stream. */
export interface ParkingChange {
  /** Events to store; those already stored stay. */
  readonly add?: readonly ParkedEvent[]
  /** Versions to remove, because they are no longer parked. */
  readonly drop?: readonly number[]
  readonly discard?: Discard
}

/**
 * The parked streams and messages of one consumer. A parked stream and its events change together, and only
 * if the stream is unchanged since it was read. So a writer that adds events and one that redrives them
 * cannot overwrite each other.
 */
export interface ParkingStore {
  /** The maximum number of events one change can add and drop. */
  readonly maxEventsPerChange: number
  /**
   * All parked streams.
   * @throws TidemarkError `unavailable`
   */
  streams(): Promise<readonly StoredParkedStream[]>
  stream(key: ParkedKey): Promise<StoredParkedStream | undefined>
  /** The stored events of a stream, oldest first, at most `limit`. */
  events(key: ParkedKey, limit: number): Promise<readonly ParkedEvent[]>
  /**
   * Writes a stream if its etag is unchanged. With an undefined etag it must not exist yet.
   * @throws TidemarkError `unavailable`, `outcome-unknown`: a retry is safe.
   */
  write(parked: ParkedStream, etag: string | undefined, change: ParkingChange): Promise<WriteResult>
  /**
   * Removes a parked stream if its etag is unchanged.
   * @returns whether it was removed.
   */
  remove(key: ParkedKey, etag: string, change: Omit<ParkingChange, 'add'>): Promise<boolean>

  /**
   * Stores a message; one with the same id stays unchanged.
   * @returns whether it is new.
   */
  keepMessage(message: ParkedMessage): Promise<boolean>
  messages(): Promise<readonly ParkedMessage[]>
  /** @param discard the discard to record. */
  dropMessage(id: string, discard: Discard): Promise<void>

  discards(): Promise<readonly Discard[]>
}
