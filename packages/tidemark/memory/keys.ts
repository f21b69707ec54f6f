import type { KeyItem, KeyItems, KeyStorage, WriteResult } from '../core/ports.ts'

/** Keys of subjects in memory, with the encoding of those in Cosmos DB. */
export class MemoryKeys implements KeyItems {
  readonly #items = new Map<string, { readonly text: string; readonly etag: string }>()
  #writes = 0

  async read(id: string): Promise<{ readonly item: KeyItem; readonly etag: string } | undefined> {
    const found = this.#items.get(id)
    return found && { item: JSON.parse(found.text), etag: found.etag }
  }

  async write(item: KeyItem, etag: string | undefined): Promise<WriteResult> {
    if (this.#items.get(item.id)?.etag !== etag) return { outcome: 'conflict' }
    this.#writes += 1
    const written = `${this.#writes}`
    this.#items.set(item.id, { text: JSON.stringify(item), etag: written })
    return { outcome: 'written', etag: written }
  }

  /** Loses an item, for tests. */
  lose(id: string): void {
    this.#items.delete(id)
  }
}

/** Keys of subjects for tests, in memory and not wrapped. */
export function memoryKeys(items: KeyItems = new MemoryKeys()): KeyStorage {
  return {
    items,
    wrap: {
      wrap: async (key) => Buffer.from(key).toString('base64'),
      unwrap: async (wrapped) => Buffer.from(wrapped, 'base64'),
    },
  }
}
