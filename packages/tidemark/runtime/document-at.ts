import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { DocumentAt, DocumentAtQuery } from '../core/operations.ts'
import { type AnyView, isKeyedView } from '../core/view.ts'
import type { DocumentEventsDependencies } from './document-events.ts'
import { parseTime } from './time.ts'
import { PART_MS } from './verification.ts'
import { ViewFold } from './view-fold.ts'

/** How many events of a stream are read at once. */
const PAGE = 200

/** Where a part ended: the log's offset or the stream version, and the document after the events so far. */
interface Place {
  readonly offset?: string
  readonly version: number
  readonly events: number
  readonly document?: unknown
}

/** Events in pages; undefined at the end. */
interface Source {
  next(): Promise<readonly RecordedEvent[] | undefined>
  /** Where to continue in the log, if it is read. */
  readonly offset?: string | undefined
}

/**
 * Projects a document from its events up to a point in time. Nothing indexes the events of a multi-stream
 * view's document, so the whole log is read for it. Each call reads for some seconds. The document comes with
 * the last part, and never before it is whole.
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
  const isAfter = pointTest(at, asked)
  const isDiscarded = await deps.readDiscards(view)
  const place: Place = continuation === undefined ? { version: 0, events: 0 } : readPlace(continuation)
  const fold = new ViewFold(view, deps.eventTypes, key)
  if (place.document !== undefined) fold.documents.set(key, place.document)
  const source = view.kind === 'one-stream' ? readStream(deps, key, place.version) : readLog(deps, place.offset)
  let { version, events } = place
  const whole = (): DocumentAt => {
    if (asked !== undefined && version < asked)
      throw new TidemarkError('version-not-found', `${key} is at version ${version}`)
    const document = fold.documents.get(key)
    if (document === undefined) return { items: [], events }
    return { items: [{ key, ...(view.kind === 'one-stream' ? { version } : {}), document }], events }
  }
  for (const until = deps.clock.elapsed() + PART_MS; ; ) {
    const page = await source.next()
    if (page === undefined) return whole()
    for (const event of page) {
      if (isAfter(event)) {
        // Times never run backwards within a stream. Other streams may still have earlier events.
        if (view.kind === 'one-stream') return whole()
        continue
      }
      if (view.kind === 'one-stream' && event.version !== version + 1)
        throw new TidemarkError('chain-broken', `${key}@${event.version} does not follow version ${version}`)
      version = event.version
      if (!isDiscarded(event.stream, event.version)) events += fold.apply(event).length
    }
    if (deps.clock.elapsed() < until) continue
    const { offset } = source
    const document = fold.documents.get(key)
    const next: Place = { version, events, ...(offset === undefined ? {} : { offset }), document }
    return { items: [], events, continuation: writeContinuation(next) }
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

function readStream({ log }: DocumentEventsDependencies, stream: string, start: number): Source {
  let after = start
  return {
    async next() {
      const events = await log.readRange(stream, { direction: 'forward', after, limit: PAGE })
      after = events.at(-1)?.version ?? after
      return events.length === 0 ? undefined : events
    },
  }
}

function readLog({ feed }: DocumentEventsDependencies, offset: string | undefined): Source {
  // A commit that came again would count twice.
  const reader = feed.open(offset === undefined ? {} : { offset, once: true })
  return {
    next: async () => (await reader.next())?.flatMap(({ events }) => events),
    get offset() {
      return reader.offset
    },
  }
}

function readPlace(continuation: string): Place {
  const { offset, version, events, document } = readContinuation(continuation)
  if (!isCount(version) || !isCount(events) || (offset !== undefined && typeof offset !== 'string'))
    throw unknownContinuation()
  return { version, events, document, ...(offset === undefined ? {} : { offset }) }
}
