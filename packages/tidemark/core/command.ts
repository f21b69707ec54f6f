import type { Command, Refusal } from './decider.ts'

/** Who sent a command and what caused it. Copied into every event the command appends. */
export interface CommandMetadata {
  readonly actor: string
  readonly correlation: string
  readonly causation: string
  readonly traceparent?: string
}

/** The causation of a client's command: it names the command's key. */
const CLIENT = 'command:'

export function formatCausation(key: string): string {
  return `${CLIENT}${key}`
}

/** The key of a client's command, from the causation of its events; undefined for any other. */
export function parseCausation(causation: string): string | undefined {
  return causation.startsWith(CLIENT) ? causation.slice(CLIENT.length) : undefined
}

/**
 * Which outcomes without events are recorded as command receipts.
 * - `none`: nobody sends this key again.
 * - `unchanged`: a client may. That there was nothing to do is recorded. A refusal is not, and the next
 *   attempt may end differently.
 * - `all`: a reaction will. Refusals are recorded too. The first outcome stands, even if a later build sends
 *   different content.
 */
export type Receipts = 'none' | 'unchanged' | 'all'

/** A command for a stream. Its data is already valid against the command's schema. */
export interface CommandRequest {
  readonly stream: string
  /** The command's id: the client's Idempotency-Key. The same key on the same stream takes effect once. */
  readonly key: string
  /** Which outcomes without events are recorded for a repeat of the key. */
  readonly receipts: Receipts
  readonly command: Command
  /** The stream version the client decided on (If-Match). Compared only, never used to append. */
  readonly expectedVersion?: number
  readonly metadata: CommandMetadata
  /**
   * RFC 3339. The decider's `now` is at least this time, even if the clock is behind. So a scheduled command
   * that the store reports as due is never too early for the decider.
   */
  readonly notBefore?: string
  /**
   * When the personal texts in the command were opened, by this process's `Clock.elapsed`. Absent: they are the
   * caller's own.
   */
  readonly openedAt?: number
}

/**
 * The command took effect, now or when its key was first sent, or there was nothing to do (`events` is 0).
 */
export interface CommandDone {
  readonly outcome: 'done'
  readonly stream: string
  /** The stream version the command led to. To read the result, wait for `<stream>@<version>`. */
  readonly version: number
  /** How many events it appended. */
  readonly events: number
  /** True if the key was sent before with different content. This is the outcome of that first request. */
  readonly contentDiffers?: true
}

/** The command was refused, by Tidemark or by the domain. No event was appended. */
interface CommandRefused extends Refusal {
  /** As in `CommandDone`. */
  readonly contentDiffers?: true
}

export type CommandResult = CommandDone | CommandRefused
