import { LRUCache } from 'lru-cache'

/**
 * How many documents and cursors an instance remembers, so that it need not read what it wrote itself. A
 * hint: every write proves it.
 */
export const MAX_RECENTLY_WRITTEN = 5_000

/** What all entries of one memory take at most, by the length of their JSON: documents may have 2 MB each. */
const MAX_BYTES = 64 * 1024 * 1024

/** What an instance remembers by key: so many entries and so many bytes, the one not used for longest goes first. */
export function recentlyWritten<Value extends object>(entries: number): LRUCache<string, Value> {
  return new LRUCache({
    max: entries,
    maxSize: MAX_BYTES,
    sizeCalculation: (value) => JSON.stringify(value).length,
  })
}
