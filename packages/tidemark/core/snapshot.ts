import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import type { AnyDecider } from './decider.ts'
import { describeNames } from './event.ts'
import { canonicalHash, type LogHead } from './hash-chain.ts'

/**
 * An aggregate's state at one version of its stream. It is derived from the log, can be deleted, and never
 * overrules the log.
 */
export interface Snapshot {
  /** The state, as JSON. */
  readonly state: string
  readonly head: LogHead
}

/**
 * A snapshot, as stored in its container. Its state is a string, so the store keeps every name and number as
 * written.
 */
export interface SnapshotItem extends Snapshot {
  /** The decider's `snapshotId`. */
  readonly id: string
  readonly stream: string
}

/**
 * The largest state to store, in bytes of its JSON as a string within the item. An item is read and written
 * as a whole, and each KB costs. A larger state is cheaper to fold, or should be several streams.
 */
export const MAX_STATE_BYTES = 1_000_000

/**
 * The id of the snapshots a decider may use; undefined if it uses none. It changes with `stateVersion` and
 * with the decider's events, because code must not decide on a state that contains events it does not know.
 */
export function snapshotId({ stateVersion, events }: Pick<AnyDecider, 'stateVersion' | 'events'>): string | undefined {
  if (stateVersion === undefined) return undefined
  const read = events.map((type) => `${type.name} ${type.version}${describeNames(type)}`).toSorted()
  return `${stateVersion}-${canonicalHash(read).slice(0, 16)}`
}

/**
 * A state as JSON. Undefined if JSON would change the state: a Date, a Map, a class, an undefined field, -0.
 */
export function stateText(state: unknown): string | undefined {
  try {
    const text = JSON.stringify(state)
    return isDeepStrictEqual(JSON.parse(text), state) ? text : undefined
  } catch {
    return undefined
  }
}

/** The size of a state in bytes, as a string within its item. */
export function stateBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

const snapshotItem = z.object({
  state: z.string(),
  head: z.object({ version: z.int().positive(), hash: z.string(), commit: z.int().positive() }),
})

/** Parses a snapshot; undefined for anything else, such as an item of another build. */
export function parseSnapshot(item: unknown): Snapshot | undefined {
  return snapshotItem.safeParse(item).data
}
