import type { StateCache } from './command.ts'
import type { AggregateState } from './fold.ts'
import { recentlyWritten } from './recently-written.ts'

/** A cache for the states of the most recently used streams. */
export function stateCache(streams: number): StateCache {
  return recentlyWritten<AggregateState>(streams)
}
