import { fromCloudEvent } from '../core/cloud-event.ts'
import { TidemarkError } from '../core/errors.ts'
import type { EventType, Recorded, RecordedEvent } from '../core/event.ts'
import { BEGINNING, type Tip } from '../core/hash-chain.ts'
import { type EventStore, MAX_MARKS, type ViewStore, type ViewStores } from '../core/ports.ts'
import { checkReadable } from '../core/schema.ts'
import { categoryOf, formatPosition } from '../core/stream.ts'
import type { AnyManyStreamView, AnyOneStreamView, AnyView } from '../core/view.ts'
import { forEachLimited } from './limited.ts'
import { pendingOf } from './pending.ts'

const STREAMS_AT_ONCE = 32

/** How often a document is read again and written again before its contention is the trigger's to sort out. */
const MAX_ATTEMPTS = 10

export interface ProjectDependencies {
  /** Of the service itself: what a gap is filled from. */
  readonly log: EventStore
  readonly views: ViewStores
  /** All that may come, so that what this code does not know is never taken for nothing. */
  readonly eventTypes: readonly EventType[]
}

/** New events of one stream, and how far the consumer had come in it. */
interface Slice {
  readonly stream: string
  readonly pending: readonly RecordedEvent[]
  readonly etag: string | undefined
}

/**
 * Brings a view up to a batch of messages. Every event takes effect exactly once on every document, in order per stream, however often
 * and in whatever parts the messages come again: what was applied is marked in the write that applies it.
 * @throws TidemarkError, whereupon the trigger's retry policy brings the whole batch again: nothing is passed over.
 */
export async function project(deps: ProjectDependencies, view: AnyView, messages: readonly unknown[]): Promise<void> {
  const events = messages.map(fromCloudEvent).filter((event) => categoryOf(event.stream) === view.category)
  for (const event of events) checkReadable(deps.eventTypes, event)
  const streams = Map.groupBy(events, (event) => event.stream)
  const store = await deps.views.live(view.name)
  if (view.kind === 'one-stream')
    await forEachLimited(streams, STREAMS_AT_ONCE, ([stream, arrived]) =>
      projectStream(deps.log, store, view, stream, arrived),
    )
  else await projectDocuments(deps.log, store, view, streams)
}

/** The document is the position: one read, one write, whatever the number of events. */
async function projectStream(
  log: EventStore,
  store: ViewStore,
  view: AnyOneStreamView,
  stream: string,
  arrived: readonly RecordedEvent[],
): Promise<void> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const before = await store.read(stream)
    const pending = await pendingOf(log, stream, before?.tip ?? BEGINNING, arrived)
    const last = pending.at(-1)
    if (last === undefined) return
    const document = pending.reduce((current, event) => view.evolve(current, asRecorded(event)), before?.document)
    const sort = document === undefined ? '' : view.sort(document)
    const tip = { version: last.version, hash: last.hash }
    if ((await store.writeWithTip(stream, { document, sort, etag: before?.etag }, tip)) === 'written') return
  }
  throw contended(view, stream)
}

/** First every document that the batch touches, then the streams' positions; the trigger's checkpoint comes last. */
async function projectDocuments(
  log: EventStore,
  store: ViewStore,
  view: AnyManyStreamView,
  streams: ReadonlyMap<string, readonly RecordedEvent[]>,
): Promise<void> {
  const slices: Slice[] = []
  await forEachLimited(streams, STREAMS_AT_ONCE, async ([stream, arrived]) => {
    const position = await store.readPosition(stream)
    const pending = await pendingOf(log, stream, position?.tip ?? BEGINNING, arrived)
    if (pending.length > 0) slices.push({ stream, pending, etag: position?.etag })
  })

  const targets = new Map<string, RecordedEvent[]>()
  for (const event of slices.flatMap((slice) => slice.pending))
    for (const key of new Set(view.targets(asRecorded(event)))) {
      const events = targets.get(key)
      if (events) events.push(event)
      else targets.set(key, [event])
    }
  await forEachLimited(targets, STREAMS_AT_ONCE, ([key, events]) => applyToDocument(store, view, key, events))

  await forEachLimited(slices, STREAMS_AT_ONCE, async ({ stream, pending, etag }) => {
    const tip: Tip = pending.at(-1) ?? BEGINNING
    // Another instance has the partition by now: the batch comes again and finds what is left to do.
    if ((await store.writePosition(stream, { version: tip.version, hash: tip.hash }, etag)) === 'conflict')
      throw contended(view, stream)
  })
}

/** Applies events to one document, as many in one write as there may be; those whose marks are there already are left out. */
async function applyToDocument(
  store: ViewStore,
  view: AnyManyStreamView,
  key: string,
  events: readonly RecordedEvent[],
): Promise<void> {
  let left = events
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; ) {
    const next = left.slice(0, MAX_MARKS)
    if (next.length === 0) return
    const before = await store.read(key)
    const document = next.reduce((current, event) => view.evolve(current, asRecorded(event), key), before?.document)
    const write = { document, sort: view.sort(document), etag: before?.etag }
    const result = await store.writeWithMarks(key, write, next.map(formatPosition))
    if (result === 'written') {
      left = left.slice(next.length)
      attempt = 1
      continue
    }
    attempt += 1
    if (result === 'conflict') continue
    const marks = await store.readMarks(key, next.map(formatPosition))
    left = left.filter((event) => !marks.has(formatPosition(event)))
  }
  throw contended(view, key)
}

/** `checkReadable` has shown that the type is declared; that its data fits, the log's strict write has. */
function asRecorded(event: RecordedEvent): Recorded<{ type: string; data: unknown }> {
  return event
}

function contended(view: AnyView, key: string): TidemarkError {
  return new TidemarkError('view-contended', `${view.name}: ${key} is written by another instance at the same time`)
}
