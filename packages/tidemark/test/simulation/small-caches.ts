import { LRUCache as Cache } from 'lru-cache'

/** The capacity of a cache in a history. */
const MAX = 16

/**
 * Replaces `lru-cache` in a history (see load.ts) by smaller caches. The originals allocate all their entries
 * at once, which would take most of the time with thousands of processes a minute. And a cache that is never
 * full never evicts anything.
 */
export class LRUCache<Key extends object, Value extends object> extends Cache<Key, Value> {
  constructor(options: Cache.Options<Key, Value, unknown>) {
    super({ ...options, max: MAX } as Cache.Options<Key, Value, unknown>)
  }
}
