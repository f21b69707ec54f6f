import { LRUCache } from 'lru-cache'
import type { StateCache } from './command.ts'
import type { Folded } from './fold.ts'

/** The states of the streams that were written last, at most so many. */
export function stateCache(streams: number): StateCache {
  return new LRUCache<string, Folded>({ max: streams })
}
