import type { StateCache } from './command.ts'
import type { AggregateState } from './fold.ts'
import { recentlyWritten } from './recently-written.ts'

/** The states of the streams that were written last, at most so many. */
export function stateCache(streams: number): StateCache {
  return recentlyWritten<AggregateState>(streams)
}
