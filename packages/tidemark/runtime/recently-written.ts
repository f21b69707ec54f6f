import { LRUCache } from 'lru-cache'

/**
 * How many documents and cursors an instance caches, to avoid reading what it has written. Only a hint: every
 * write verifies it.
 */
export const MAX_RECENTLY_WRITTEN = 5_000

/** The most memory of one cache, by the length of the JSON. Documents may have 2 MB each. */
const MAX_BYTES = 64 * 1024 * 1024

/** Creates a cache that is limited by entries and bytes. The least recently used entry is removed first. */
export function recentlyWritten<Value extends object>(entries: number): LRUCache<string, Value> {
  return new LRUCache({
    max: entries,
    maxSize: MAX_BYTES,
    sizeCalculation: (value) => JSON.stringify(value).length,
  })
}
