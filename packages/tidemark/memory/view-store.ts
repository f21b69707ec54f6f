import { formatPlace } from '../core/document-key.ts'
import { TidemarkError } from '../core/errors.ts'
import { readField } from '../core/list.ts'
import type {
  Cursor,
  ListedDocument,
  ListedPlace,
  ListOrder,
  MarkerWriteResult,
  StoredCursor,
  ViewDocument,
  ViewGenerations,
  ViewList,
  ViewState,
  ViewStore,
  ViewStores,
  ViewWrite,
  WriteResult,
} from '../core/ports.ts'
import type { GenerationCodes } from '../core/view-code.ts'
import { FIRST_POINTER, findHighestGeneration, listGenerationNumbers, type ViewPointer } from '../core/view-pointer.ts'
import { toViewState } from '../core/view-state.ts'
import { MAX_MARKERS_PER_WRITE } from './limits.ts'

interface Item extends ViewDocument {
  readonly place: string
}

/** A view in memory, with the rules of the one in Cosmos DB. Its applied markers expire on request. */
export class MemoryViewStore implements ViewStore {
  readonly maxMarkersPerWrite = MAX_MARKERS_PER_WRITE
  readonly #documents = new Map<string, Item>()
  readonly #markers = new Set<string>()
  readonly #cursors = new Map<string, StoredCursor>()
  #writes = 0

  async read(key: string): Promise<ViewDocument | undefined> {
    return this.#documents.get(key)
  }

  async writeDocument(key: string, write: ViewWrite, cursor: Cursor): Promise<WriteResult> {
    checkSize(key, write)
    return this.#write(key, write, cursor)
  }

  async writeWithMarkers(key: string, write: ViewWrite, markers: readonly string[]): Promise<MarkerWriteResult> {
    if (this.#documents.get(key)?.etag !== write.etag) return { outcome: 'conflict' }
    checkSize(key, write)
    const ids = markers.map((marker) => JSON.stringify([key, marker]))
    if (ids.some((id) => this.#markers.has(id))) return { outcome: 'applied' }
    for (const id of ids) this.#markers.add(id)
    return this.#write(key, write)
  }

  async readMarkers(key: string, markers: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(markers.filter((marker) => this.#markers.has(JSON.stringify([key, marker]))))
  }

  async readCursor(stream: string): Promise<StoredCursor | undefined> {
    return this.#cursors.get(stream)
  }

  async writeCursor(stream: string, cursor: Cursor, etag: string | undefined): Promise<WriteResult> {
    if (this.#cursors.get(stream)?.etag !== etag) return { outcome: 'conflict' }
    const stored = structuredClone({ cursor, etag: this.#nextEtag() })
    this.#cursors.set(stream, stored)
    return { outcome: 'written', etag: stored.etag }
  }

  /** The documents whose cursors contain the progress of other views. */
  get passed(): readonly { readonly key: string; readonly cursor: Cursor }[] {
    return [...this.#documents].flatMap(([key, { cursor }]) => (cursor?.passed ? [{ key, cursor }] : []))
  }

  async list({ filter, order, ascending = false, limit, after }: ViewList): Promise<readonly ListedDocument[]> {
    const toPlace = ({ document, place }: { document: unknown; place: string }): ListedPlace =>
      order ? { place, value: readField(document, order.field) as string | number } : { place }
    const isAfter = (a: ListedPlace, b: ListedPlace): boolean => comparePlaces(a, b) > 0 === ascending
    return [...this.#documents]
      .map(([key, item]) => ({ key, ...item }))
      .filter(({ document }) => document !== undefined && (order === undefined || isInRange(document, order)))
      .filter(({ document }) => Object.entries(filter).every(([field, value]) => readField(document, field) === value))
      .filter(
        (item) => after === undefined || (comparePlaces(toPlace(item), after) !== 0 && isAfter(toPlace(item), after)),
      )
      .sort((a, b) => (isAfter(toPlace(a), toPlace(b)) ? 1 : -1))
      .slice(0, limit)
      .map(({ key, document, place, cursor }) => ({
        key,
        document,
        place,
        ...(cursor === undefined ? {} : { version: cursor.version }),
      }))
  }

  /** Simulates the time to live. */
  expireMarkers(): void {
    this.#markers.clear()
  }

  clear(): void {
    this.#documents.clear()
    this.#markers.clear()
    this.#cursors.clear()
  }

  get isEmpty(): boolean {
    return this.#documents.size + this.#markers.size + this.#cursors.size === 0
  }

  #write(key: string, { document, sort, etag }: ViewWrite, cursor?: Cursor): WriteResult {
    if (this.#documents.get(key)?.etag !== etag) return { outcome: 'conflict' }
    const place = formatPlace(sort, key)
    const item = structuredClone({ document, place, ...(cursor ? { cursor } : {}), etag: this.#nextEtag() })
    this.#documents.set(key, item)
    return { outcome: 'written', etag: item.etag }
  }

  #nextEtag(): string {
    this.#writes += 1
    return String(this.#writes)
  }
}

function isInRange(document: unknown, { field, type, from, to }: ListOrder): boolean {
  const value = readField(document, field) as string | number
  return typeof value === type && (from === undefined || value >= from) && (to === undefined || value < to)
}

function comparePlaces(a: ListedPlace, b: ListedPlace): number {
  if (a.value !== undefined && b.value !== undefined && a.value !== b.value) return a.value < b.value ? -1 : 1
  return a.place < b.place ? -1 : a.place > b.place ? 1 : 0
}

/** Roughly the maximum size of a Cosmos DB item. */
const MAX_BYTES = 2 * 1024 * 1024 - 4 * 1024

function checkSize(key: string, { document }: ViewWrite): void {
  if (document !== undefined && Buffer.byteLength(JSON.stringify(document)) > MAX_BYTES)
    throw new TidemarkError('document-too-large', `the document ${key} is too large for the store`)
}

/** The generations of views, in memory. `state` always returns the current pointer. */
export class MemoryViewStores implements ViewStores, ViewGenerations {
  readonly #stores = new Map<string, Map<number, MemoryViewStore>>()
  readonly #pointers = new Map<string, { readonly pointer: ViewPointer; readonly etag: string }>()
  readonly #codes = new Map<string, { readonly codes: GenerationCodes; readonly etag: string }>()
  #writes = 0

  async live(view: string): Promise<MemoryViewStore> {
    const { pointer } = await this.readPointer(view)
    return this.store(view, pointer.live)
  }

  async state(view: string): Promise<ViewState> {
    const { pointer } = await this.readPointer(view)
    return toViewState(pointer, (number) => ({ number, store: this.store(view, number) }))
  }

  async *passed(view: string, generation: number) {
    yield this.store(view, generation).passed
  }

  async readPointer(view: string): Promise<{ readonly pointer: ViewPointer; readonly etag: string | undefined }> {
    return this.#pointers.get(view) ?? { pointer: FIRST_POINTER, etag: undefined }
  }

  async writePointer(view: string, pointer: ViewPointer, etag: string | undefined): Promise<WriteResult> {
    const current = this.#pointers.get(view)
    if (current && pointer.stamp !== undefined && current.pointer.stamp === pointer.stamp)
      return { outcome: 'written', etag: current.etag }
    if (current?.etag !== etag) return { outcome: 'conflict' }
    this.#writes += 1
    const written = { pointer: structuredClone(pointer), etag: String(this.#writes) }
    this.#pointers.set(view, written)
    return { outcome: 'written', etag: written.etag }
  }

  store(view: string, generation: number): MemoryViewStore {
    const stores = this.#stores.get(view) ?? new Map<number, MemoryViewStore>()
    this.#stores.set(view, stores)
    const store = stores.get(generation) ?? new MemoryViewStore()
    stores.set(generation, store)
    return store
  }

  async sweep(view: string, pointer: ViewPointer): Promise<void> {
    const kept = listGenerationNumbers(pointer)
    for (const [generation, store] of this.#stores.get(view) ?? [])
      if (generation <= findHighestGeneration(pointer) && !kept.has(generation)) store.clear()
  }

  async readCodes(view: string): Promise<{ readonly codes: GenerationCodes; readonly etag: string | undefined }> {
    return this.#codes.get(view) ?? { codes: {}, etag: undefined }
  }

  async writeCodes(view: string, codes: GenerationCodes, etag: string | undefined): Promise<WriteResult> {
    if (this.#codes.get(view)?.etag !== etag) return { outcome: 'conflict' }
    this.#writes += 1
    const written = { codes: structuredClone(codes), etag: String(this.#writes) }
    this.#codes.set(view, written)
    return { outcome: 'written', etag: written.etag }
  }
}
