import { LRUCache as Cache } from 'lru-cache'

/** How many entries a cache has in a history. */
const MAX = 16

/**
 * Stands for `lru-cache` in a history (see load.ts): the same caches, smaller. Theirs take the room of all
 * their entries from the beginning, which for thousands of processes a minute is most of the work; and in a
 * cache that is never full nothing is ever forgotten.
 */
export class LRUCache<Key extends object, Value extends object> extends Cache<Key, Value> {
  constructor(options: Cache.Options<Key, Value, unknown>) {
    super({ ...options, max: MAX } as Cache.Options<Key, Value, unknown>)
  }
}
