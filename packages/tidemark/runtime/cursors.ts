import type { Cursor, ViewGeneration, ViewState, ViewStores } from '../core/ports.ts'
import type { AnyView } from '../core/view.ts'
import { listGenerations } from '../core/view-state.ts'

/** The name of a view's generation in cursors: `sales-by-product@1`. */
export function formatEntry(view: string, generation: number): string {
  return `${view}@${generation}`
}

/** Returns the name of the view to which a generation belongs. */
export function parseViewName(entry: string): string {
  return entry.split('@')[0] ?? entry
}

/**
 * The stream version that a generation of a view has applied, and the version from which the stream is parked
 * for it, if it is.
 */
export interface StreamProgress {
  readonly passed: number
  readonly parked?: number
}

/** A generation of a view, with the state of that view. */
interface GenerationOfView {
  readonly view: AnyView
  readonly state: ViewState
  readonly generation: ViewGeneration
}

/**
 * Reads the stored cursor of a generation of a multi-stream view for one stream. If another view stores the
 * cursors, each of that view's generations has a cursor, correct at the time it was written; the highest
 * version counts.
 */
export async function readStreamProgress(
  views: ViewStores,
  { view, state, generation }: GenerationOfView,
  stream: string,
): Promise<StreamProgress> {
  const entry = formatEntry(view.name, generation.number)
  const own = async (): Promise<Cursor | undefined> => (await generation.store.readCursor(stream))?.cursor
  if (state.cursorsIn === undefined) {
    const cursor = await own()
    return toStreamProgress(cursor?.version ?? 0, cursor?.parked?.[entry])
  }
  const home = await views.state(state.cursorsIn)
  const found = await Promise.all(listGenerations(home).map(async ({ store }) => (await store.read(stream))?.cursor))
  // A rebuild writes its own cursors. If the first generation is the only one, the view was never rebuilt.
  const isRebuilt = listGenerations(state).some(({ number }) => number > 1)
  const rebuilt = isRebuilt ? ((await own())?.version ?? 0) : 0
  return toStreamProgress(Math.max(rebuilt, mergePassed(found)[entry] ?? 0), mergeParked(found)[entry])
}

/** Reads the cursor in the document of a single-stream view. */
export function readDocumentProgress(
  cursor: Cursor | undefined,
  view: AnyView,
  { number }: ViewGeneration,
): StreamProgress {
  return toStreamProgress(cursor?.version ?? 0, cursor?.parked?.[formatEntry(view.name, number)])
}

function toStreamProgress(passed: number, parked: number | undefined): StreamProgress {
  return { passed, ...(parked !== undefined && passed < parked ? { parked } : {}) }
}

/** The highest version of each entry in `passed` of several cursors. */
export function mergePassed(cursors: readonly (Cursor | undefined)[]): Record<string, number> {
  return merge(cursors.map((cursor) => cursor?.passed))
}

/**
 * The highest version of each entry in `parked` of several cursors. A cursor may be older than a redrive, so
 * an entry is parked only if it has not passed that version.
 */
export function mergeParked(cursors: readonly (Cursor | undefined)[]): Record<string, number> {
  return merge(cursors.map((cursor) => cursor?.parked))
}

function merge(each: readonly (Readonly<Record<string, number>> | undefined)[]): Record<string, number> {
  const merged: Record<string, number> = {}
  for (const versions of each)
    for (const [entry, version] of Object.entries(versions ?? {})) merged[entry] = Math.max(merged[entry] ?? 0, version)
  return merged
}

export function sameVersions(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>> = {},
): boolean {
  const entries = Object.entries(one)
  return entries.length === Object.keys(other).length && entries.every(([entry, version]) => other[entry] === version)
}
