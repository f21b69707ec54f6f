import { setTimeout as pause } from 'node:timers/promises'
import type { OrderClient } from './client.ts'

const PAUSE_MS = 500
/** Few, because their queries take time from the projection. */
const ASKERS = 2
/** After this many missing orders in a row, the projection has not come further. */
const BEHIND = 200

/**
 * Waits until the view shows every order.
 * @param giveUpMs how long it may show no further order before the rest count as never shown.
 * @returns the orders that were never shown. Each is in the log.
 */
export async function neverShown(client: OrderClient, ids: readonly string[], giveUpMs: number): Promise<string[]> {
  let missing = [...ids]
  for (let progressed = performance.now(); missing.length > 0; ) {
    const last = performance.now() - progressed > giveUpMs
    // In the end every order is queried: after many lost ones in a row, later ones may still be shown.
    const left = await unshown(client, missing, last ? Number.POSITIVE_INFINITY : BEHIND)
    if (left.length < missing.length) progressed = performance.now()
    else if (last) break
    missing = left
    if (missing.length > 0) await pause(PAUSE_MS)
  }
  for (const id of missing)
    if (!(await client.hasRecorded(id))) throw new Error(`order ${id} was accepted, but is not in the log`)
  return missing
}

/** The orders that are not shown. After `behind` of them in a row, it stops querying and counts the rest. */
async function unshown(client: OrderClient, ids: readonly string[], behind: number): Promise<string[]> {
  const left: string[] = []
  let [next, inARow] = [0, 0]
  const ask = async (): Promise<void> => {
    for (let id = ids[next++]; id !== undefined; id = ids[next++]) {
      const isShown = inARow < behind && (await client.shows(id))
      if (!isShown) left.push(id)
      inARow = isShown ? 0 : inARow + 1
    }
  }
  await Promise.all(Array.from({ length: ASKERS }, ask))
  return left
}
