import type { Cursor, ViewGeneration, ViewState, ViewStores } from '../core/ports.ts'
import type { AnyView } from '../core/view.ts'
import { listGenerations } from '../core/view-state.ts'

/** What names a generation of a view in cursors: `sales-by-product@1`. */
export function formatEntry(view: string, generation: number): string {
  return `${view}@${generation}`
}

/** The view that a generation is of. */
export function parseViewName(entry: string): string {
  return entry.split('@')[0] ?? entry
}

/**
 * How far a generation of a view has come in a stream, and the version from which the stream waits for it, if
 * it does.
 */
export interface StreamProgress {
  readonly passed: number
  readonly parked?: number
}

/**
 * How far a generation of a view of many streams has come in a stream, by what is stored. Of the generations
 * of the view that has the cursors, the one that knows of the most is right: each tells the truth of its
 * time.
 */
export async function readStreamProgress(
  views: ViewStores,
  view: AnyView,
  state: ViewState,
  generation: ViewGeneration,
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
  // A rebuild writes cursors of its own. The newest generation is always named, so where there is the first
  // alone, nothing was ever rebuilt.
  const isRebuilt = listGenerations(state).some(({ number }) => number > 1)
  const rebuilt = isRebuilt ? ((await own())?.version ?? 0) : 0
  return toStreamProgress(Math.max(rebuilt, mergePassed(found)[entry] ?? 0), mergeParked(found)[entry])
}

/** Of a document of a single stream. */
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

/** The higher of each of what some cursors say of other views. */
export function mergePassed(cursors: readonly (Cursor | undefined)[]): Record<string, number> {
  return merge(cursors.map((cursor) => cursor?.passed))
}

/**
 * The views that wait by some cursors. A cursor may be of before a view was taken up: it waits only where it
 * has not passed the version.
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
