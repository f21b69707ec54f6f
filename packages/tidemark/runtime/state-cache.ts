import { LRUCache } from 'lru-cache'
import type { Clock } from '../core/ports.ts'
import type { StateCache } from './command.ts'
import type { AggregateState } from './fold.ts'
import { EACH_KEPT_MS } from './personal.ts'
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
  /** By stream: when its texts were opened. */
  const opened = new LRUCache<string, { readonly at: number }>({ max: streams })
  const openedAt = (stream: string): number => opened.get(stream)?.at ?? Number.NEGATIVE_INFINITY
  const isOver = (stream: string): boolean => openedAt(stream) + EACH_KEPT_MS <= clock.elapsed()
  return {
    get(stream) {
      if (!expires(stream)) return states.get(stream)
      const known = isOver(stream) ? undefined : states.get(stream)
      if (known) return known
      states.delete(stream)
      // The caller opens the texts now.
      opened.set(stream, { at: clock.elapsed() })
      return undefined
    },
    set(stream, state) {
      if (!expires(stream) || !isOver(stream)) states.set(stream, state)
    },
    delete: (stream) => states.delete(stream),
    openedAt,
    clear() {
      for (const stream of opened.keys()) states.delete(stream)
      opened.clear()
    },
  }
}
