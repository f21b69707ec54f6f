import type { Archive, ItemFeed, ItemPage, ItemReader } from '../core/ports.ts'
import type { MemoryEventStore } from './event-store.ts'

/** An archive in memory, for tests. */
export class MemoryArchive implements Archive {
  /** The stored segments by number. Tests change them. */
  readonly segments = new Map<number, Uint8Array>()

  async create(number: number, bytes: Uint8Array): Promise<'created' | 'exists'> {
    if (this.segments.has(number)) return 'exists'
    this.segments.set(number, Uint8Array.from(bytes))
    return 'created'
  }

  async has(number: number): Promise<boolean> {
    return this.segments.has(number)
  }

  async read(number: number): Promise<Uint8Array | undefined> {
    return this.segments.get(number)
  }

  async *list(after: number): AsyncIterable<{ readonly number: number; readonly bytes: number }> {
    for (const [number, { byteLength }] of [...this.segments].sort(([a], [b]) => a - b))
      if (number > after) yield { number, bytes: byteLength }
  }
}

/** The items of a log in memory. A page is one append, which a change feed never splits. */
export class MemoryItemFeed implements ItemFeed {
  readonly #log: Pick<MemoryEventStore, 'appends'>
  readonly #now: () => string

  /** @param now the time at which an item was written, as far as a reader is told: RFC 3339, UTC. */
  constructor(log: Pick<MemoryEventStore, 'appends'>, now: () => string) {
    this.#log = log
    this.#now = now
  }

  open(continuation = '0'): ItemReader {
    let next = Number(continuation)
    return {
      next: async (): Promise<ItemPage> => {
        const items = this.#log.appends[next]
        if (items === undefined) return { items: [], continuation: String(next), atEnd: true }
        next += 1
        const time = this.#now()
        return { items, continuation: String(next), atEnd: false, written: { oldest: time, newest: time } }
      },
    }
  }
}
