import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import type { AnyDecider } from './decider.ts'
import { canonicalHash, type LogHead } from './hash-chain.ts'

/** An aggregate's state at a head of its stream: made of the log, disposable, and never trusted over the log. */
export interface Snapshot {
  /** The state, as JSON. */
  readonly state: string
  readonly head: LogHead
}

/**
 * A snapshot as its container keeps it. Its state is a text, so that the store keeps every name and number as
 * it was written.
 */
export interface SnapshotItem extends Snapshot {
  /** `snapshotId` of the decider. */
  readonly id: string
  readonly stream: string
}

/**
 * The largest state that is kept, in bytes of its JSON as a text within the item. An item is read and written
 * as a whole, and each KB of it costs: a state that is larger is better folded, or is several streams.
 */
export const MAX_STATE_BYTES = 1_000_000

/**
 * The id of the snapshots that a decider may use; undefined where it keeps none. It changes with
 * `stateVersion`, and with the events that the decider reads: code that does not know an event must not
 * decide on a state that has it.
 */
export function snapshotId({ stateVersion, events }: Pick<AnyDecider, 'stateVersion' | 'events'>): string | undefined {
  if (stateVersion === undefined) return undefined
  const read = events.map(({ name, version }) => `${name} ${version}`).toSorted()
  return `${stateVersion}-${canonicalHash(read).slice(0, 16)}`
}

/** A state as JSON; undefined where its JSON is not the same state: a Date, a Map, a class, an undefined field, -0. */
export function stateText(state: unknown): string | undefined {
  try {
    const text = JSON.stringify(state)
    return isDeepStrictEqual(JSON.parse(text), state) ? text : undefined
  } catch {
    return undefined
  }
}

/** How many bytes a state takes as a text within its item. */
export function stateBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text))
}

const snapshotItem = z.object({
  state: z.string(),
  head: z.object({ version: z.int().positive(), hash: z.string(), commit: z.int().positive() }),
})

/** The snapshot that an item is; undefined for anything else, such as one of another build. */
export function parseSnapshot(item: unknown): Snapshot | undefined {
  return snapshotItem.safeParse(item).data
}
