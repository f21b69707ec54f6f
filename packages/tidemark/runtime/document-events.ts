import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { EventType, RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader, listReadTypes } from '../core/event-reader.ts'
import type { PageOf } from '../core/operations.ts'
import type { Clock, EventFeed, EventHistory } from '../core/ports.ts'
import { parseCategory } from '../core/stream.ts'
import type { AnyMultiStreamView, AnyView } from '../core/view.ts'
import { callPure } from './parking.ts'
import { PART_MS } from './verification.ts'

interface DocumentEventsDependencies {
  readonly log: EventHistory
  readonly feed: EventFeed
  readonly eventTypes: readonly EventType[]
  readonly clock: Pick<Clock, 'elapsed'>
  /** Reads which events were discarded for a view. */
  readonly readDiscards: (view: AnyView) => Promise<(stream: string, version: number) => boolean>
}

interface DocumentEventsQuery {
  readonly key: string
  readonly limit: number
  readonly continuation?: string
}

/**
 * Lists the events of a document, those of each stream in order. Nothing indexes the events of a multi-stream
 * view's document, so the log is searched, for some seconds a page. A page may be empty although more events
 * follow.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export async function documentEvents(
  deps: DocumentEventsDependencies,
  view: AnyView,
  query: DocumentEventsQuery,
): Promise<PageOf<RecordedEvent>> {
  const isDiscarded = await deps.readDiscards(view)
  const reader = eventReader(listReadTypes(view.events, deps.eventTypes), 'own')
  const isRead = ({ type, stream, version }: RecordedEvent): boolean =>
    (view.events ? reader.knows(type) : !reader.isRetired(type)) && !isDiscarded(stream, version)
  if (view.kind === 'one-stream') return listStreamEvents(deps.log, isRead, query)
  return searchLog(
    deps,
    (event) => isRead(event) && belongsToDocument(view, query.key, event, reader),
    view.category,
    query,
  )
}

async function listStreamEvents(
  log: EventHistory,
  isRead: (event: RecordedEvent) => boolean,
  { key, limit, continuation }: DocumentEventsQuery,
): Promise<PageOf<RecordedEvent>> {
  const { after } = continuation === undefined ? { after: 0 } : readContinuation(continuation)
  if (!isCount(after)) throw unknownContinuation()
  const events = await log.readRange(key, { direction: 'forward', after, limit })
  const last = events.at(-1)
  const isWhole = events.length < limit || last === undefined
  return {
    items: events.filter(isRead),
    ...(isWhole ? {} : { continuation: writeContinuation({ after: last.version }) }),
  }
}

/** The end of a page: how many matching events to skip after an offset of the feed. */
interface Place {
  readonly offset?: string
  readonly skip: number
}

async function searchLog(
  { feed, clock }: DocumentEventsDependencies,
  matches: (event: RecordedEvent) => boolean,
  category: string,
  { limit, continuation }: DocumentEventsQuery,
): Promise<PageOf<RecordedEvent>> {
  const place = continuation === undefined ? { skip: 0 } : readPlace(continuation)
  const reader = feed.open(place.offset === undefined ? {} : { offset: place.offset })
  const until = clock.elapsed() + PART_MS
  const items: RecordedEvent[] = []
  let { offset, skip } = place
  const placeNow = (): string =>
    // Another build may have written or may read it, so the field keeps its name.
    writeContinuation({ skip, ...(offset === undefined ? {} : { position: offset }) })
  while (clock.elapsed() < until) {
    const commits = await reader.next()
    if (commits === undefined) return { items }
    const its = commits
      .flatMap(({ stream, events }) => (parseCategory(stream) === category ? events : []))
      .filter(matches)
    const fit = its.slice(skip, skip + limit - items.length)
    items.push(...fit)
    if (items.length === limit) {
      skip += fit.length
      return { items, continuation: placeNow() }
    }
    offset = reader.offset
    skip = 0
  }
  return { items, continuation: placeNow() }
}

/** Whether a document contains the event. An event that cannot be read is in no document. */
function belongsToDocument(view: AnyMultiStreamView, key: string, event: RecordedEvent, reader: EventReader): boolean {
  try {
    return reader.readEvents(event).some((read) => callPure(view.name, () => view.documentKeys(read)).includes(key))
  } catch (error) {
    if (isTidemarkError(error)) return false
    throw error
  }
}

function readPlace(continuation: string): Place {
  const { position: offset, skip } = readContinuation(continuation)
  if (!isCount(skip) || (offset !== undefined && typeof offset !== 'string')) throw unknownContinuation()
  return { skip, ...(offset === undefined ? {} : { offset }) }
}
