import { checkKey } from '../core/document-key.ts'
import type { DomainEvent, Recorded } from '../core/event.ts'
import { MAX_MARKS, type ViewDocument, type ViewStore } from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import type { AnyManyStreamView } from '../core/view.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import { REMEMBERED, remembered } from './remembered.ts'

/** A batch's events for one document, waiting for the write before theirs. */
interface Waiting {
  readonly events: readonly Recorded<DomainEvent>[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes the documents of one generation of a view of many streams. A mark for each event goes into the write that applies it, so an event that
 * comes again within the marks' time takes no effect. Batches of several partitions that want the same document share its next write.
 */
export class DocumentWriter {
  readonly #view: AnyManyStreamView
  readonly #store: ViewStore
  readonly #documents = remembered<ViewDocument>(REMEMBERED)
  readonly #queues = new Map<string, Waiting[]>()

  constructor(view: AnyManyStreamView, store: ViewStore) {
    this.#view = view
    this.#store = store
  }

  /** Settles when the events are applied. @param events each stream's in their order. @throws TidemarkError */
  async apply(key: string, events: readonly Recorded<DomainEvent>[]): Promise<void> {
    checkKey(key)
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = { events, resolve, reject }
      const queue = this.#queues.get(key)
      if (queue) queue.push(waiting)
      else {
        this.#queues.set(key, [waiting])
        void this.#drain(key)
      }
    })
  }

  /** One write of a document at a time, with all that waited for it. */
  async #drain(key: string): Promise<void> {
    const next = (): Waiting[] | undefined => this.#queues.get(key)?.splice(0)
    for (let group = next(); group && group.length > 0; group = next()) {
      // One event may wait twice, where a partition was taken over while its last batch still ran.
      const events = new Map(group.flatMap((waiting) => waiting.events).map((event) => [formatPosition(event), event]))
      try {
        await this.#write(key, events)
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#queues.delete(key)
  }

  /** As many events in one write as there may be; those whose marks are there already are left out. */
  async #write(key: string, events: ReadonlyMap<string, Recorded<DomainEvent>>): Promise<void> {
    const [view, store] = [this.#view, this.#store]
    let left = [...events]
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; ) {
      const next = left.slice(0, MAX_MARKS)
      if (next.length === 0) return
      const before = this.#documents.get(key) ?? (await store.read(key))
      const document = next.reduce((current, [, event]) => view.evolve(current, event, key), before?.document)
      const marks = next.map(([mark]) => mark)
      const result = await store.writeWithMarks(key, { document, sort: view.sort(document), etag: before?.etag }, marks)
      if (result.outcome === 'written') {
        this.#documents.set(key, { document, etag: result.etag })
        left = left.slice(next.length)
        attempt = 1
        continue
      }
      attempt += 1
      this.#documents.delete(key)
      if (result.outcome === 'applied') {
        const applied = await store.readMarks(key, marks)
        left = left.filter(([mark]) => !applied.has(mark))
      }
    }
    throw contended(view, key)
  }
}
