import type { RawItem } from './event-hash.ts'
import { isObject, isVersion } from './fields.ts'

/** Which event of its stream something has come to; version 0: none. */
export interface Cursor {
  readonly version: number
  readonly hash: unknown
  readonly time: unknown
  /** How far views of many streams have come, by view and generation. */
  readonly passed: Readonly<Record<string, number>>
  /** From which version the stream waits for views that cannot process it, by the same. */
  readonly parked: Readonly<Record<string, number>>
}

/** @returns undefined for what is no cursor. */
export function parseCursor(value: unknown): Cursor | undefined {
  if (!isObject(value)) return undefined
  const { version, hash, time, passed = {}, parked = {} } = value
  if (!isCount(version) || !areCounts(passed) || !areCounts(parked)) return undefined
  return { version, hash, time, passed, parked }
}

function isCount(value: unknown): value is number {
  return value === 0 || isVersion(value)
}

function areCounts(value: unknown): value is Record<string, number> & RawItem {
  return isObject(value) && Object.values(value).every(isCount)
}

/** How far a view has come in a stream, and from which version the stream waits for it, if it does. */
export interface StreamProgress {
  readonly passed: number
  readonly parked?: number
}

/**
 * What cursors say of a generation of a view. Each tells the truth of its time: the furthest counts.
 * @param own the view's own, @param others those that may speak of it.
 */
export function mergeProgress(
  entry: string,
  own: Cursor | undefined,
  others: readonly (Cursor | undefined)[],
): StreamProgress {
  const passed = Math.max(own?.version ?? 0, ...others.map((cursor) => cursor?.passed[entry] ?? 0))
  const parked = Math.max(0, ...[own, ...others].map((cursor) => cursor?.parked[entry] ?? 0))
  return parked > passed ? { passed, parked } : { passed }
}
