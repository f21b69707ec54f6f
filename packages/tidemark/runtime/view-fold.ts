import { checkKey } from '../core/document-key.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventType, Recorded, RecordedEvent } from '../core/event.ts'
import { type AnyView, storedDocument } from '../core/view.ts'
import { callPure, cannotApply } from './parking.ts'
import { type ViewEvents, viewEvents } from './view-events.ts'

/**
 * A view projected in memory, by the same rules as in production. It has no cursors and no applied markers, so
 * each event must be applied once, and those of a stream in order.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { RecordedEvent } from 'tidemark'
 * import { ViewFold } from 'tidemark/tools'
 * import { titles } from './entries.ts'
 * import { entry } from './entry.ts'
 *
 * const fold = new ViewFold(titles, entry.events)
 * const recorded = { stream: 'entry-1', version: 1, type: 'Opened', schemaVersion: 1, data: { title: 'spring' } }
 * assert.deepEqual(fold.apply(recorded as RecordedEvent), ['entry-1'])
 * assert.deepEqual(fold.documents.get('entry-1'), { title: 'spring' })
 * ```
 */
export class ViewFold {
  /** The documents by key, as the store would return them. */
  readonly documents = new Map<string, unknown>()
  readonly #view: AnyView
  readonly #reader: ViewEvents
  readonly #only: string | undefined

  /**
   * @param eventTypes all event types of the service.
   * @param only the key of the only document to project; absent: all documents.
   */
  constructor(view: AnyView, eventTypes: readonly EventType[], only?: string) {
    this.#view = view
    this.#reader = viewEvents(view, eventTypes)
    this.#only = only
  }

  /**
   * Applies an event, unless the view does not handle it.
   * @returns the keys of the documents that it belongs to.
   * @throws TidemarkError that names the view and the event: `event-unknown`, `event-unreadable`, or
   *   `handler-failed` if the view's code is at fault. Nothing of the event is applied then.
   */
  apply(recorded: RecordedEvent): readonly string[] {
    const view = this.#view
    if (!this.#reader.follows(recorded.stream) || !this.#reader.handles(recorded)) return []
    try {
      // A stored event may be read as several, also of one document.
      const evolved = new Map<string, unknown>()
      for (const event of this.#reader.read(recorded))
        for (const key of this.#findKeys(event)) {
          const before = evolved.has(key) ? evolved.get(key) : this.documents.get(key)
          evolved.set(key, this.#evolve(key, before, event))
        }
      for (const [key, document] of evolved) this.documents.set(key, document)
      return [...evolved.keys()]
    } catch (cause) {
      if (!isTidemarkError(cause)) throw cause
      const isUnread = cause.code === 'event-unknown' || cause.code === 'event-unreadable'
      throw cannotApply(view.name, recorded, cause, isUnread ? cause.code : 'handler-failed')
    }
  }

  #findKeys(event: Recorded<DomainEvent>): readonly string[] {
    const view = this.#view
    const keys =
      view.kind === 'one-stream' ? [event.stream] : [...new Set(callPure(view.name, () => view.documentKeys(event)))]
    for (const key of keys) checkKey(key)
    return this.#only === undefined ? keys : keys.filter((key) => key === this.#only)
  }

  #evolve(key: string, before: unknown, event: Recorded<DomainEvent>): unknown {
    const view = this.#view
    return callPure(view.name, () => {
      const document = storedDocument(view, key, view.evolve(before, event, key))
      // A document without a place in lists cannot be stored.
      if (document !== undefined) view.sort(document)
      return document
    })
  }
}
