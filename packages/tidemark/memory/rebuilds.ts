import type { RebuildStore, WriteResult } from '../core/ports.ts'
import type { StoredRebuild } from '../core/rebuild.ts'

/** The last rebuild of each view, in memory. */
export class MemoryRebuilds implements RebuildStore {
  readonly #kept = new Map<string, { readonly rebuild: StoredRebuild; readonly etag: string }>()
  #writes = 0

  async read(view: string): Promise<{ readonly rebuild: StoredRebuild; readonly etag: string } | undefined> {
    return this.#kept.get(view)
  }

  async write(view: string, rebuild: StoredRebuild, etag: string | undefined): Promise<WriteResult> {
    if (this.#kept.get(view)?.etag !== etag) return { outcome: 'conflict' }
    this.#writes += 1
    const written = { rebuild: structuredClone(rebuild), etag: String(this.#writes) }
    this.#kept.set(view, written)
    return { outcome: 'written', etag: written.etag }
  }
}
