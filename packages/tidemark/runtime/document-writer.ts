import { isTidemarkError } from '../core/errors.ts'
import type { DomainEvent, Recorded, RecordedEvent } from '../core/event.ts'
import type { ViewDocument, ViewStore } from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import { type AnyKeyedView, storedDocument } from '../core/view.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import { callPure } from './parking.ts'
import { MAX_RECENTLY_WRITTEN, recentlyWritten } from './recently-written.ts'

/**
 * A stored event, and the events it is read as that change one document. They are applied in one write, with
 * one applied marker.
 */
export interface ReadEvents {
  readonly event: RecordedEvent
  readonly read: readonly Recorded<DomainEvent>[]
}

/** An event that a document could not apply, and why. No later event of its stream was applied either. */
interface RejectedEvent {
  readonly event: RecordedEvent
  readonly cause: unknown
}

/** A document after some events, their applied markers, and the next event that it could not apply. */
interface Evolved {
  readonly document: unknown
  readonly sort: string
  readonly markers: readonly string[]
  readonly rejected?: RejectedEvent
}

/** Events of one batch for a document, waiting for the previous write. */
interface Waiting {
  readonly events: readonly ReadEvents[]
  readonly resolve: (rejected: readonly RejectedEvent[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Writes the documents of one generation of a multi-stream view. The write that applies an event also creates
 * its applied marker. So an event that is redelivered while the marker exists has no effect. Batches of
 * several partitions that change the same document share its next write.
 */
export class DocumentWriter {
  readonly #view: AnyKeyedView
  readonly #store: ViewStore
  readonly #documents = recentlyWritten<ViewDocument>(MAX_RECENTLY_WRITTEN)
  readonly #queues = new Map<string, Waiting[]>()

  constructor(view: AnyKeyedView, store: ViewStore) {
    this.#view = view
    this.#store = store
  }

  /**
   * Resolves when the events are applied. An event that the view cannot apply blocks only its own stream.
   * @param events the events of each stream in order.
   * @throws TidemarkError if the document cannot be written.
   */
  apply(key: string, events: readonly ReadEvents[]): Promise<readonly RejectedEvent[]> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { events, resolve, reject }
      const queue = this.#queues.get(key)
      if (queue) queue.push(waiting)
      else {
        this.#queues.set(key, [waiting])
        void this.#drain(key)
      }
    })
  }

  /** Writes a document once at a time, with everything that waits for it. */
  async #drain(key: string): Promise<void> {
    const next = (): Waiting[] | undefined => this.#queues.get(key)?.splice(0)
    for (let group = next(); group && group.length > 0; group = next()) {
      // The same event may wait twice if a partition was taken over while its last batch was still running.
      const all = group.flatMap((waiting) => waiting.events)
      const events = new Map(all.map((each) => [formatPosition(each.event), each]))
      try {
        const rejected = await this.#write(key, events)
        for (const { resolve, events } of group)
          resolve(rejected.filter(({ event }) => events.some((each) => each.event.stream === event.stream)))
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#queues.delete(key)
  }

  /** Writes as many events at once as the store allows. Events with an applied marker are skipped. */
  async #write(key: string, events: ReadonlyMap<string, ReadEvents>): Promise<readonly RejectedEvent[]> {
    const [view, store] = [this.#view, this.#store]
    const rejected: RejectedEvent[] = []
    let left = [...events]
    let most = store.maxMarkersPerWrite
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; ) {
      const before = left.length === 0 ? undefined : (this.#documents.get(key) ?? (await store.read(key)))
      const evolvedBatch = this.#evolve(key, before?.document, left.slice(0, most))
      if (evolvedBatch.rejected) {
        const { stream } = evolvedBatch.rejected.event
        rejected.push(evolvedBatch.rejected)
        left = left.filter(([marker, { event }]) => event.stream !== stream || evolvedBatch.markers.includes(marker))
        continue
      }
      const { document, sort, markers } = evolvedBatch
      if (markers.length === 0) return rejected
      try {
        const result = await store.writeWithMarkers(key, { document, sort, etag: before?.etag }, markers)
        if (result.outcome === 'written') {
          this.#documents.set(key, { document, etag: result.etag })
          left = left.slice(markers.length)
          attempt = 1
          continue
        }
        attempt += 1
        this.#documents.delete(key)
        if (result.outcome === 'applied') {
          const applied = await store.readMarkers(key, markers)
          left = left.filter(([marker]) => !applied.has(marker))
        }
      } catch (cause) {
        if (!isTidemarkError(cause, 'document-too-large')) throw cause
        // Writes single events from here on, so that only those that make it too large are rejected.
        const [first] = left
        if (most === 1 && first) {
          const { event } = first[1]
          rejected.push({ event, cause })
          left = left.filter(([, each]) => each.event.stream !== event.stream)
        }
        most = 1
      }
    }
    throw contended(view, key)
  }

  /**
   * Applies events to a document, up to the first that the view cannot apply.
   * @param each whether the document is checked for values outside JSON after each event. Otherwise one check
   * at the end is enough.
   */
  #evolve(key: string, before: unknown, events: readonly (readonly [string, ReadEvents])[], each = false): Evolved {
    const view = this.#view
    const markers: string[] = []
    let document = before
    for (const [marker, { event, read }] of events)
      try {
        const evolved = read.reduce<unknown>(
          (older, part) => callPure(view.name, () => view.evolve(older, part, key)),
          document,
        )
        document = each ? storedDocument(view, key, evolved) : evolved
        markers.push(marker)
      } catch (cause) {
        return { document, sort: '', markers, rejected: { event, cause } }
      }
    const last = events.at(-1)
    if (last === undefined) return { document, sort: '', markers }
    try {
      const stored = storedDocument(view, key, document)
      return { document: stored, sort: callPure(view.name, () => view.sort(stored)), markers }
    } catch (cause) {
      if (!each) return this.#evolve(key, before, events, true)
      return { document, sort: '', markers: markers.slice(0, -1), rejected: { event: last[1].event, cause } }
    }
  }
}
