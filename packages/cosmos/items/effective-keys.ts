import { LRUCache } from 'lru-cache'
import type { Container } from '../resources/catalog.ts'
import { effectivePartitionKey } from './effective-partition-key.ts'

/** Computes effective partition keys from keys as texts, and caches the latest. */
export class EffectiveKeys {
  readonly #known = new LRUCache<string, string>({ max: 10_000 })

  compute({ settings: { partitionKey } }: Container, pk: string): string {
    const key = `${partitionKey.kind}${pk}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const epk = effectivePartitionKey(JSON.parse(pk), partitionKey.kind)
    this.#known.set(key, epk)
    return epk
  }
}
