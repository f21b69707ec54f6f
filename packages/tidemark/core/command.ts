import type { Command } from './decider.ts'
import type { ErrorCode } from './errors.ts'

/** Who and what stands behind a command; copied into every event it leads to. */
export interface CommandMetadata {
  readonly actor: string
  readonly correlation: string
  readonly causation: string
  readonly traceparent?: string
}

/**
 * - `none`: nobody sends this key again.
 * - `unchanged`: a client may. That there was nothing to do is kept; a refusal is not, and may be otherwise
 *   the next time.
 * - `all`: a reaction will. Refusals are kept too, and the first outcome stands, whatever content a later build sends.
 */
export type Receipts = 'none' | 'unchanged' | 'all'

/** A command on its way to a stream, its data already checked against the command's schema. */
export interface CommandRequest {
  readonly stream: string
  /** The command's id, the client's Idempotency-Key: the same key on the same stream takes effect once. */
  readonly key: string
  /** Which outcomes without events are kept for those who send the key again. */
  readonly receipts: Receipts
  readonly command: Command
  /** The version the client decided on (If-Match). Compared, never used to append. */
  readonly expectedVersion?: number
  readonly metadata: CommandMetadata
  /**
   * RFC 3339: it is decided as of this time where the clock is behind it. So what the store says is due is
   * never too early for a decider.
   */
  readonly notBefore?: string
}

/** It took effect (now, or the first time the key came), or there was nothing to do (`events` 0). */
export interface CommandDone {
  readonly done: true
  readonly stream: string
  /** The stream's version that this command led to: a reader waits for `<stream>@<version>`. */
  readonly version: number
  /** How many events it appended. */
  readonly events: number
  /** True where the key had come before, in a request of another content: this is what that led to. */
  readonly contentDiffers?: true
}

/** It was refused, and nothing was written. */
export interface CommandRefused {
  readonly done: false
  /** A code of Tidemark's or of the domain. */
  readonly code: ErrorCode | (string & {})
  readonly detail: string
  /** As for one that took effect. */
  readonly contentDiffers?: true
}

export type CommandOutcome = CommandDone | CommandRefused
