import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/ports.ts'
import type { StateCache } from './command.ts'
import type { AggregateState } from './fold.ts'
import { KEPT_MS } from './personal.ts'
import { recentlyWritten } from './recently-written.ts'

/** A cache for the states of the most recently used streams. */
export function stateCache(streams: number): StateCache {
  return recentlyWritten<AggregateState>(streams)
}

export interface ExpiringStates extends StateCache {
  /** Drops the states that expire. */
  clear(): void
}

/**
 * A cache whose states of some streams expire, because they hold personal texts. A state that was folded onto
 * a cached one expires with that one: what counts is when the texts were opened.
 */
export function expiringStates(
  states: StateCache,
  streams: number,
  expires: (stream: string) => boolean,
  clock: Pick<Clock, 'elapsed'>,
): ExpiringStates {
  /** By stream: until when its texts may be kept. */
  const ends = new LRUCache<string, { readonly until: number }>({ max: streams })
  const isOver = (stream: string): boolean => (ends.get(stream)?.until ?? 0) <= clock.elapsed()
  return {
    get(stream) {
      if (!expires(stream)) return states.get(stream)
      const known = isOver(stream) ? undefined : states.get(stream)
      if (known) return known
      states.delete(stream)
      // The caller opens the texts now.
      ends.set(stream, { until: clock.elapsed() + KEPT_MS })
      return undefined
    },
    set(stream, state) {
      if (!expires(stream) || !isOver(stream)) states.set(stream, state)
    },
    delete: (stream) => states.delete(stream),
    clear() {
      for (const stream of ends.keys()) states.delete(stream)
      ends.clear()
    },
  }
}
