import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { DocumentAt, DocumentAtQuery } from '../core/operations.ts'
import { type AnyView, isKeyedView, isOwnView } from '../core/view.ts'
import type { DocumentEventsDependencies } from './document-events.ts'
import { type HistoryPages, SeenStreams } from './paged-history.ts'
import { parseTime } from './time.ts'
import { PART_MS } from './verification.ts'
import { ViewFold } from './view-fold.ts'

/** How many events of a stream are read at once. */
const PAGE = 200

/** Where a part ended: the history's offset or the stream version, and the document after the events so far. */
interface Place {
  readonly offset?: string
  /** The last versions of the streams of a document of several services: their events may come again. */
  readonly versions?: Readonly<Record<string, number>>
  readonly version: number
  readonly events: number
  readonly document?: unknown
}

/**
 * Projects a document from its events up to a point in time. Nothing indexes the events of a multi-stream
 * view's document, so the whole log is read for it. For a view over several services their archives and hubs are.
 * Each call reads for some seconds. The document comes with the last part, and never before it is whole.
 * @throws TidemarkError `unavailable`, `invalid-query`, `invalid-time`; `version-not-found` after the newest
 *   version; `chain-broken` if a version of the stream is missing; and as `ViewFold.apply`.
 */
export async function documentAt(
  deps: DocumentEventsDependencies,
  view: AnyView,
  { key, at, version: asked, continuation }: DocumentAtQuery,
): Promise<DocumentAt> {
  if (asked !== undefined && (at !== undefined || isKeyedView(view)))
    throw new TidemarkError('invalid-query', whyNoVersion(view, at))
  const place: Place = continuation === undefined ? { version: 0, events: 0 } : readPlace(continuation)
  const pages =
    view.kind === 'one-stream'
      ? readStream(deps, key, place.version)
      : // A commit of the own log that came again would count twice.
        deps.history.open(place.offset, true)
  try {
    return await projectPart(deps, view, pages, { key, at, asked, place })
  } finally {
    await pages.close()
  }
}

interface Part {
  readonly key: string
  readonly at: string | undefined
  readonly asked: number | undefined
  /** Where it begins. */
  readonly place: Place
}

async function projectPart(
  deps: DocumentEventsDependencies,
  view: AnyView,
  pages: HistoryPages,
  { key, at, asked, place }: Part,
): Promise<DocumentAt> {
  const isAfter = pointTest(at, asked)
  const isDiscarded = await deps.readDiscards(view)
  const fold = new ViewFold(view, deps.eventTypes, key)
  if (place.document !== undefined) fold.documents.set(key, place.document)
  const seen = isOwnView(view) ? undefined : new SeenStreams(place.versions)
  let { version, events } = place
  const whole = (): DocumentAt => {
    if (asked !== undefined && version < asked)
      throw new TidemarkError('version-not-found', `${key} is at version ${version}`)
    const document = fold.documents.get(key)
    if (document === undefined) return { items: [], events }
    return { items: [{ key, ...(view.kind === 'one-stream' ? { version } : {}), document }], events }
  }
  for (const until = deps.clock.elapsed() + PART_MS; ; ) {
    const page = await pages.next()
    if (page === undefined) return whole()
    for (const event of page.events) {
      if (isAfter(event)) {
        // Times never run backwards within a stream. Other streams may still have earlier events.
        if (view.kind === 'one-stream') return whole()
        continue
      }
      if (view.kind === 'one-stream' && event.version !== version + 1)
        throw new TidemarkError('chain-broken', `${key}@${event.version} does not follow version ${version}`)
      if (seen?.isNew(event) === false) continue
      version = event.version
      const applied = isDiscarded(event.stream, event.version) ? 0 : fold.apply(event).length
      // Of the streams that the document is not made of, nothing needs to be known.
      if (applied > 0 || seen?.has(event.stream)) seen?.note(event)
      events += applied
    }
    if (deps.clock.elapsed() < until) continue
    const { offset } = pages
    const document = fold.documents.get(key)
    const its = { ...(offset === undefined ? {} : { offset }), ...(seen ? { versions: seen.versions } : {}) }
    return { items: [], events, continuation: writeContinuation({ version, events, ...its, document } satisfies Place) }
  }
}

function whyNoVersion({ name }: AnyView, at: string | undefined): string {
  return at === undefined
    ? `a document of ${name} combines streams, so it has no version: give at`
    : 'give version or at, not both'
}

function pointTest(at: string | undefined, version = Number.POSITIVE_INFINITY): (event: RecordedEvent) => boolean {
  const until = at === undefined ? Number.POSITIVE_INFINITY : parseTime(at)
  return (event) => event.version > version || Date.parse(event.time) > until
}

function readStream({ log }: DocumentEventsDependencies, stream: string, start: number): HistoryPages {
  let after = start
  return {
    async next() {
      const events = await log.readRange(stream, { direction: 'forward', after, limit: PAGE })
      after = events.at(-1)?.version ?? after
      return events.length === 0 ? undefined : { events, items: events.length }
    },
    offset: undefined,
    close: async () => {},
  }
}

function readPlace(continuation: string): Place {
  const { offset, version, events, versions, document } = readContinuation(continuation)
  if (!isCount(version) || !isCount(events) || (offset !== undefined && typeof offset !== 'string'))
    throw unknownContinuation()
  if (versions !== undefined && !areCounts(versions)) throw unknownContinuation()
  return {
    ...{ version, events, document },
    ...(offset === undefined ? {} : { offset }),
    ...(versions === undefined ? {} : { versions }),
  }
}

function areCounts(value: unknown): value is Readonly<Record<string, number>> {
  return typeof value === 'object' && value !== null && Object.values(value).every(isCount)
}
