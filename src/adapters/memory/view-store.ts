import type { Tip } from '../../core/hash-chain.ts'
import type {
  ConsumerPosition,
  MarkedWriteResult,
  ViewDocument,
  ViewList,
  ViewStore,
  ViewStores,
  ViewWrite,
  WriteResult,
} from '../../core/ports.ts'
import { MemoryPositions } from './positions.ts'

interface Item extends ViewDocument {
  readonly sort: string
}

/** A view in memory, with the rules of the one in Cosmos DB but that its marks do not expire. */
export class MemoryViewStore implements ViewStore {
  readonly #documents = new Map<string, Item>()
  readonly #marks = new Set<string>()
  readonly #positions = new MemoryPositions()
  #writes = 0

  async read(key: string): Promise<ViewDocument | undefined> {
    return this.#documents.get(key)
  }

  async writeWithTip(key: string, write: ViewWrite, tip: Tip): Promise<WriteResult> {
    return this.#write(key, write, tip)
  }

  async writeWithMarks(key: string, write: ViewWrite, marks: readonly string[]): Promise<MarkedWriteResult> {
    if (this.#documents.get(key)?.etag !== write.etag) return { outcome: 'conflict' }
    const ids = marks.map((mark) => JSON.stringify([key, mark]))
    if (ids.some((id) => this.#marks.has(id))) return { outcome: 'applied' }
    for (const id of ids) this.#marks.add(id)
    return this.#write(key, write)
  }

  async readMarks(key: string, marks: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(marks.filter((mark) => this.#marks.has(JSON.stringify([key, mark]))))
  }

  readPosition(stream: string): Promise<ConsumerPosition | undefined> {
    return this.#positions.readPosition(stream)
  }

  writePosition(stream: string, tip: Tip, etag: string | undefined): Promise<WriteResult> {
    return this.#positions.writePosition(stream, tip, etag)
  }

  async list({ filter, limit, after }: ViewList): Promise<readonly { document: unknown; sort: string }[]> {
    return [...this.#documents.values()]
      .filter(({ document, sort }) => document !== undefined && (after === undefined || sort < after))
      .filter(({ document }) =>
        Object.entries(filter).every(([field, value]) => (document as Record<string, unknown>)[field] === value),
      )
      .sort((a, b) => (a.sort < b.sort ? 1 : -1))
      .slice(0, limit)
      .map(({ document, sort }) => ({ document, sort }))
  }

  #write(key: string, { document, sort, etag }: ViewWrite, tip?: Tip): WriteResult {
    if (this.#documents.get(key)?.etag !== etag) return { outcome: 'conflict' }
    const item = structuredClone({ document, sort, ...(tip ? { tip } : {}), etag: this.#nextEtag() })
    this.#documents.set(key, item)
    return { outcome: 'written', etag: item.etag }
  }

  #nextEtag(): string {
    this.#writes += 1
    return String(this.#writes)
  }
}

export class MemoryViewStores implements ViewStores {
  readonly #stores = new Map<string, MemoryViewStore>()

  async live(view: string): Promise<MemoryViewStore> {
    const store = this.#stores.get(view) ?? new MemoryViewStore()
    this.#stores.set(view, store)
    return store
  }
}
