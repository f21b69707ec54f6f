import type { DomainEvent, Recorded, RecordedEvent } from '../core/event.ts'
import { EMPTY_STREAM, type StreamHead } from '../core/hash-chain.ts'
import {
  type ConsumerPosition,
  type EventHistory,
  MAX_MARKS,
  type ViewDocument,
  type ViewStore,
} from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import type { AnyManyStreamView } from '../core/view.ts'
import { forEachLimited } from './limited.ts'
import { pendingOf } from './pending.ts'
import { type Arrived, AT_ONCE, contended, MAX_ATTEMPTS, REMEMBERED, type ReadEvents } from './projecting.ts'
import { remembered } from './remembered.ts'

/** New events of one stream that the view is made of, where the consumer stands after them, and where it stood before. */
interface Slice {
  readonly stream: string
  readonly tip: StreamHead
  readonly events: readonly Recorded<DomainEvent>[]
  readonly etag: string | undefined
}

/** A batch's events for one document, waiting for the write before theirs. */
interface Waiting {
  readonly events: readonly Recorded<DomainEvent>[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Many-stream views: first every document that a batch touches, then the positions of its streams; the trigger's checkpoint comes last.
 * Batches of several partitions that want the same document share its next write.
 *
 * @param options.looks whether the position is read for a stream's first event too: marks expire, and then only the position tells.
 */
export function projectToDocuments(
  log: EventHistory,
  store: ViewStore,
  view: AnyManyStreamView,
  read: ReadEvents,
  { looks } = { looks: false },
): (arrived: Arrived) => Promise<void> {
  const documents = remembered<ViewDocument>(REMEMBERED)
  const positions = remembered<ConsumerPosition>(REMEMBERED)
  const queues = new Map<string, Waiting[]>()

  async function sliceOf(
    stream: string,
    arrived: readonly RecordedEvent[],
    isNew: boolean,
  ): Promise<Slice | undefined> {
    const position = positions.get(stream) ?? (isNew ? undefined : await store.readPosition(stream))
    const pending = await pendingOf(log, stream, position?.tip ?? EMPTY_STREAM, arrived)
    const last = pending.at(-1)
    return (
      last && { stream, tip: { version: last.version, hash: last.hash }, events: read(pending), etag: position?.etag }
    )
  }

  /** @returns the streams whose position another instance wrote meanwhile. */
  async function projectOnce(arrived: Arrived, mayBeNew: boolean): Promise<Set<string>> {
    const slices: Slice[] = []
    await forEachLimited(arrived, AT_ONCE, async ([stream, events]) => {
      // A stream's first event has most likely no position yet; where it has, the marks tell what was applied.
      const isNew = mayBeNew && events.some((event) => event.version === 1)
      const slice = await sliceOf(stream, events, isNew)
      if (slice) slices.push(slice)
    })
    const targets = new Map<string, Recorded<DomainEvent>[]>()
    for (const event of slices.flatMap((slice) => slice.events))
      for (const key of new Set(view.targets(event))) {
        const events = targets.get(key)
        if (events) events.push(event)
        else targets.set(key, [event])
      }
    await forEachLimited(targets, AT_ONCE, ([key, events]) => enqueue(key, events))

    const behind = new Set<string>()
    await forEachLimited(slices, AT_ONCE, async ({ stream, tip, etag }) => {
      const result = await store.writePosition(stream, tip, etag)
      if (result.outcome === 'written') positions.set(stream, { tip, etag: result.etag })
      else {
        positions.delete(stream)
        behind.add(stream)
      }
    })
    return behind
  }

  /** Settles when the events are applied. One write of a document at a time, with all that waited for it. */
  function enqueue(key: string, events: readonly Recorded<DomainEvent>[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { events, resolve, reject }
      const queue = queues.get(key)
      if (queue) queue.push(waiting)
      else {
        queues.set(key, [waiting])
        void drain(key)
      }
    })
  }

  async function drain(key: string): Promise<void> {
    for (let group = queues.get(key)?.splice(0); group && group.length > 0; group = queues.get(key)?.splice(0)) {
      // One event may wait twice, where a partition was taken over while its last batch still ran.
      const events = new Map(group.flatMap((waiting) => waiting.events).map((event) => [formatPosition(event), event]))
      try {
        await applyToDocument(key, events)
        for (const { resolve } of group) resolve()
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    queues.delete(key)
  }

  /** Applies events to one document, as many in one write as there may be; those whose marks are there already are left out. */
  async function applyToDocument(key: string, events: ReadonlyMap<string, Recorded<DomainEvent>>): Promise<void> {
    let left = [...events]
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; ) {
      const next = left.slice(0, MAX_MARKS)
      if (next.length === 0) return
      const before = documents.get(key) ?? (await store.read(key))
      const document = next.reduce((current, [, event]) => view.evolve(current, event, key), before?.document)
      const marks = next.map(([mark]) => mark)
      const result = await store.writeWithMarks(key, { document, sort: view.sort(document), etag: before?.etag }, marks)
      if (result.outcome === 'written') {
        documents.set(key, { document, etag: result.etag })
        left = left.slice(next.length)
        attempt = 1
        continue
      }
      attempt += 1
      documents.delete(key)
      if (result.outcome === 'applied') {
        const applied = await store.readMarks(key, marks)
        left = left.filter(([mark]) => !applied.has(mark))
      }
    }
    throw contended(view, key)
  }

  return async (arrived) => {
    let left = arrived
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const behind = await projectOnce(left, attempt === 1 && !looks)
      if (behind.size === 0) return
      left = new Map([...left].filter(([stream]) => behind.has(stream)))
    }
    throw contended(view, [...left.keys()].join(', '))
  }
}
