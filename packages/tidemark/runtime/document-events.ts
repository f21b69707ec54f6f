import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { EventType, RecordedEvent } from '../core/event.ts'
import type { PageOf } from '../core/operations.ts'
import type { Clock, EventHistory } from '../core/ports.ts'
import { type AnyKeyedView, type AnyView, isOwnView } from '../core/view.ts'
import type { HistoryPages, PagedHistory } from './paged-history.ts'
import { callPure } from './parking.ts'
import { PART_MS } from './verification.ts'
import { showPublic, type ViewEvents, viewEvents } from './view-events.ts'

/** A part ends after this many characters of JSON, so that large events do not fill the memory of host and client. */
const MAX_SIZE = 16 * 1024 * 1024

export interface DocumentEventsDependencies {
  readonly log: EventHistory
  /** What the view is made of. */
  readonly history: PagedHistory
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
 * view's document, so the log is searched, for some seconds a page. For a view over several services their
 * archives are. A page may be empty although more events follow.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export async function documentEvents(
  deps: DocumentEventsDependencies,
  view: AnyView,
  query: DocumentEventsQuery,
): Promise<PageOf<RecordedEvent>> {
  const isDiscarded = await deps.readDiscards(view)
  const reader = viewEvents(view, deps.eventTypes)
  const isRead = (event: RecordedEvent): boolean => reader.handles(event) && !isDiscarded(event.stream, event.version)
  if (view.kind === 'one-stream') return listStreamEvents(deps.log, isRead, query)
  const { key, limit, continuation } = query
  const { items, place, isEnd } = await searchHistory(
    deps,
    (event) => reader.follows(event.stream) && isRead(event) && belongsToDocument(view, key, event, reader),
    limit,
    continuation === undefined ? { skip: 0 } : readHistoryPlace(continuation),
  )
  return {
    items: isOwnView(view) ? items : items.map(showPublic),
    ...(isEnd ? {} : { continuation: writeContinuation(place) }),
  }
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

/** The end of a page: how many matching events to skip after an offset. */
export interface HistoryPlace {
  readonly position?: string
  readonly skip: number
}

/** A part of a history. */
export interface FoundEvents {
  readonly items: readonly RecordedEvent[]
  /** Where the next part starts. */
  readonly place: HistoryPlace
  /** How many items of the log or archive were read to their end. */
  readonly read: number
  /** Whether everything that was there has been read. */
  readonly isEnd: boolean
}

/** Searches a history for events, for some seconds at most. Those of each stream are in order. */
export async function searchHistory(
  { history, clock }: Pick<DocumentEventsDependencies, 'history' | 'clock'>,
  matches: (event: RecordedEvent) => boolean,
  limit: number,
  place: HistoryPlace,
): Promise<FoundEvents> {
  const reader = history.open(place.position)
  try {
    return await searchPages(reader, clock.elapsed() + PART_MS, { clock, matches, limit, place })
  } finally {
    await reader.close()
  }
}

interface Search extends Pick<DocumentEventsDependencies, 'clock'> {
  readonly matches: (event: RecordedEvent) => boolean
  readonly limit: number
  readonly place: HistoryPlace
}

async function searchPages(
  reader: HistoryPages,
  until: number,
  { clock, matches, limit, place }: Search,
): Promise<FoundEvents> {
  const items: RecordedEvent[] = []
  let { position, skip } = place
  let [read, size] = [0, 0]
  const found = (isEnd: boolean): FoundEvents => ({
    items,
    place: { skip, ...(position === undefined ? {} : { position }) },
    read,
    isEnd,
  })
  for (;;) {
    const page = await reader.next()
    if (page === undefined) {
      position = reader.offset
      return found(true)
    }
    for (const event of page.events.filter(matches).slice(skip)) {
      if (items.length === limit || size > MAX_SIZE) return found(false)
      items.push(event)
      skip += 1
      size += JSON.stringify(event).length
    }
    position = reader.offset
    skip = 0
    read += page.items
    if (items.length === limit || clock.elapsed() >= until) return found(false)
  }
}

/** Whether a document contains the event. An event that cannot be read is in no document. */
function belongsToDocument(view: AnyKeyedView, key: string, event: RecordedEvent, reader: ViewEvents): boolean {
  try {
    return reader.read(event).some((read) => callPure(view.name, () => view.documentKeys(read)).includes(key))
  } catch (error) {
    if (isTidemarkError(error)) return false
    throw error
  }
}

/** @throws TidemarkError `invalid-query` for a continuation that no page returned. */
export function readHistoryPlace(continuation: string): HistoryPlace {
  const { position, skip } = readContinuation(continuation)
  if (!isCount(skip) || (position !== undefined && typeof position !== 'string')) throw unknownContinuation()
  return { skip, ...(position === undefined ? {} : { position }) }
}
