import { readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { DocumentAt, FoundDocument, ViewAtQuery } from '../core/operations.ts'
import { formatPosition } from '../core/stream.ts'
import { type AnyView, isOwnView } from '../core/view.ts'
import type { DocumentEventsDependencies } from './document-events.ts'
import { notThereYet } from './paged-history.ts'
import { parseTime } from './time.ts'
import { viewEvents } from './view-events.ts'
import { ViewFold } from './view-fold.ts'

/**
 * Projects a whole view as of a time, and returns a page of its documents by key. Each page reads the whole log
 * again, so only a short log is read at all.
 * @throws TidemarkError `log-too-long` if the log has more events than may be read; `unavailable`,
 *   `invalid-query`, `invalid-time`; `chain-broken` if a version of a stream is missing; and as `ViewFold.apply`.
 */
export async function viewAt(
  deps: DocumentEventsDependencies & { readonly service: string },
  view: AnyView,
  query: ViewAtQuery,
): Promise<DocumentAt> {
  const after = query.continuation === undefined ? '' : readKey(query.continuation)
  const { fold, versions, events } = await project(deps, view, query)
  const keys = [...fold.documents].flatMap(([key, document]) => (document === undefined || key <= after ? [] : [key]))
  const page = keys.sort().slice(0, query.limit)
  const items = page.map((key): FoundDocument => {
    const version = view.kind === 'one-stream' ? versions.get(key) : undefined
    return { key, ...(version === undefined ? {} : { version }), document: fold.documents.get(key) }
  })
  const last = page.at(-1)
  const isWhole = last === undefined || page.length === keys.length
  return { items, events, ...(isWhole ? {} : { continuation: writeContinuation({ key: last }) }) }
}

/** A view in memory, the version that each stream had, and how many events the documents are made of. */
interface Projected {
  readonly fold: ViewFold
  readonly versions: ReadonlyMap<string, number>
  readonly events: number
}

async function project(
  deps: DocumentEventsDependencies & { readonly service: string },
  view: AnyView,
  { at, maxEvents }: ViewAtQuery,
): Promise<Projected> {
  const until = parseTime(at)
  // Each commit has an event at least.
  if ((await deps.history.count()) > maxEvents) throw tooLong(deps.service, view, at, maxEvents)
  const isDiscarded = await deps.readDiscards(view)
  const fold = new ViewFold(view, deps.eventTypes)
  const { follows } = viewEvents(view, deps.eventTypes)
  const seen = new Map<string, number>()
  const versions = new Map<string, number>()
  let [read, events] = [0, 0]
  const reader = deps.history.open()
  try {
    for (let page = await reader.next(); page; page = await reader.next())
      for (const event of page.events) {
        const { stream, version, time } = event
        const before = seen.get(stream) ?? 0
        // The log may show a commit again, and the hubs of services have what their archives have.
        if (version <= before) continue
        if (version !== before + 1 && follows(stream)) throw missing(view, event, before)
        seen.set(stream, version)
        read += 1
        if (read > maxEvents) throw tooLong(deps.service, view, at, maxEvents)
        if (!follows(stream) || Date.parse(time) > until) continue
        versions.set(stream, version)
        if (!isDiscarded(stream, version) && fold.apply(event).length > 0) events += 1
      }
  } finally {
    await reader.close()
  }
  return { fold, versions, events }
}

function missing(view: AnyView, event: RecordedEvent, before: number): TidemarkError {
  if (!isOwnView(view)) return notThereYet(event, before)
  return new TidemarkError('chain-broken', `${formatPosition(event)} does not follow version ${before}`)
}

function tooLong(service: string, { name }: AnyView, at: string, maxEvents: number): TidemarkError {
  return new TidemarkError(
    'log-too-long',
    `the log has more than ${maxEvents} events, too many for one answer: ` +
      `run tidemark views show ${service} ${name} --at ${at}`,
  )
}

function readKey(continuation: string): string {
  const { key } = readContinuation(continuation)
  if (typeof key !== 'string') throw unknownContinuation()
  return key
}
