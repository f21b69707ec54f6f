import type { Cursor, ViewGeneration, ViewState, ViewStores } from '../core/ports.ts'
import type { AnyView } from '../core/view.ts'
import { generationsIn } from '../core/view-state.ts'

/** What names a generation of a view in cursors: `sales-by-product@1`. */
export function entryOf(view: string, generation: number): string {
  return `${view}@${generation}`
}

/**
 * How far a generation of a view of many streams has come in a stream, by what is stored. Of the generations of the view that has the cursors,
 * the one that knows of the most is right: each tells the truth of its time.
 */
export async function passedVersion(
  views: ViewStores,
  view: AnyView,
  state: ViewState,
  generation: ViewGeneration,
  stream: string,
): Promise<number> {
  const own = async (): Promise<number> => (await generation.store.readCursor(stream))?.cursor.version ?? 0
  if (state.cursorsIn === undefined) return own()
  const home = await views.state(state.cursorsIn)
  const entry = entryOf(view.name, generation.number)
  const found = await Promise.all(
    generationsIn(home).map(async ({ store }) => (await store.read(stream))?.cursor?.passed?.[entry] ?? 0),
  )
  // A rebuild writes cursors of its own. The newest generation is always named, so where there is the first alone, nothing was ever rebuilt.
  const isRebuilt = generationsIn(state).some(({ number }) => number > 1)
  const rebuilt = isRebuilt ? await own() : 0
  return Math.max(rebuilt, ...found)
}

/** The higher of each of what some cursors say of other views. */
export function mergePassed(cursors: readonly (Cursor | undefined)[]): Record<string, number> {
  const merged: Record<string, number> = {}
  for (const cursor of cursors)
    for (const [entry, version] of Object.entries(cursor?.passed ?? {}))
      merged[entry] = Math.max(merged[entry] ?? 0, version)
  return merged
}

export function samePassed(
  one: Readonly<Record<string, number>>,
  other: Readonly<Record<string, number>> = {},
): boolean {
  const entries = Object.entries(one)
  return entries.length === Object.keys(other).length && entries.every(([entry, version]) => other[entry] === version)
}
