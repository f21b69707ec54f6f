import type { RawItem } from './event-hash.ts'
import { isObject, isVersion } from './fields.ts'

/** The last event of a stream that an item includes; version 0: none. */
export interface Cursor {
  readonly version: number
  readonly hash: unknown
  readonly time: unknown
  /** The versions that multi-stream views have applied, by view and generation. */
  readonly passed: Readonly<Record<string, number>>
  /** The versions from which the stream is parked for views, by view and generation. */
  readonly parked: Readonly<Record<string, number>>
}

/** @returns undefined if the value is not a cursor. */
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

/**
 * The version that a view has applied in a stream, and the version from which the stream is parked for it, if
 * it is.
 */
export interface StreamProgress {
  readonly passed: number
  readonly parked?: number
}

/**
 * Merges the cursors of a generation of a view. Each was right when it was written, so the highest version
 * counts.
 * @param own the view's own, @param others those that may mention it.
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
