import type { Container } from '../resources/catalog.ts'
import { effectivePartitionKey } from './effective-partition-key.ts'

const REMEMBERED = 10_000

/** The effective partition keys of keys as texts; some are remembered. */
export class EffectiveKeys {
  readonly #known = new Map<string, string>()

  of({ settings: { partitionKey } }: Container, pk: string): string {
    const key = `${partitionKey.kind}${pk}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const epk = effectivePartitionKey(JSON.parse(pk), partitionKey.kind)
    if (this.#known.size >= REMEMBERED) this.#known.clear()
    this.#known.set(key, epk)
    return epk
  }
}
