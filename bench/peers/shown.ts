import { setTimeout as pause } from 'node:timers/promises'
import type { OrderClient } from './client.ts'

const PAUSE_MS = 500
/** Few, as what they ask takes its time from the projection. */
const ASKERS = 2
/** So many in a row that are not shown: the projection has not come this far. */
const BEHIND = 200

/**
 * Waits until the view shows every order.
 * @param giveUpMs how long it may show no further one before those that are left count as never shown.
 * @returns them: each is in the log.
 */
export async function neverShown(client: OrderClient, ids: readonly string[], giveUpMs: number): Promise<string[]> {
  let missing = [...ids]
  for (let progressed = performance.now(); missing.length > 0; ) {
    const last = performance.now() - progressed > giveUpMs
    // At last every one is asked for: where many were lost in a row, later ones may still be there.
    const left = await unshown(client, missing, last ? Number.POSITIVE_INFINITY : BEHIND)
    if (left.length < missing.length) progressed = performance.now()
    else if (last) break
    missing = left
    if (missing.length > 0) await pause(PAUSE_MS)
  }
  for (const id of missing)
    if (!(await client.hasRecorded(id))) throw new Error(`order ${id} was accepted, and is not in the log`)
  return missing
}

/** Those of the orders that are not shown, where so many in a row are not without asking for the rest. */
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
