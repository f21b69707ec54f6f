import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { LogPart, LogQuery } from '../core/operations.ts'
import { formatPosition, parseCategory } from '../core/stream.ts'
import type { AnyMultiServiceView } from '../core/view.ts'
import { type DocumentEventsDependencies, readHistoryPlace, searchHistory } from './document-events.ts'
import { hideContent, showPublic, viewEvents } from './view-events.ts'

export interface ReadLogDependencies extends Pick<DocumentEventsDependencies, 'history' | 'clock'> {
  /** Reads which events were discarded for a view, known to this build or not. */
  readonly readDiscards: (view: { readonly name: string }) => Promise<IsDiscarded>
}

type IsDiscarded = (stream: string, version: number) => boolean

type Page = Pick<LogQuery, 'limit' | 'continuation'>

/**
 * Reads the events of a category from the first on, part by part. Each part takes some seconds at most, and
 * may be empty. After the last part, the continuation leads to newer events.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export async function readLog(deps: ReadLogDependencies, { category, view, ...page }: LogQuery): Promise<LogPart> {
  const isDiscarded = view === undefined ? () => false : await deps.readDiscards({ name: view })
  return readPart(deps, ({ stream }) => parseCategory(stream) === category, isDiscarded, page)
}

/**
 * Reads what a view over several services follows, as `readLog` does: archives first, and then hubs, which repeat
 * what the archives have. Of the events that the view does not handle it has the places alone.
 * @throws TidemarkError `unavailable`, `invalid-query`, and those of `readArchive`
 */
export async function readSources(deps: ReadLogDependencies, view: AnyMultiServiceView, page: Page): Promise<LogPart> {
  const reader = viewEvents(view, [])
  const isDiscarded = await deps.readDiscards(view)
  const { items, ...part } = await readPart(deps, ({ stream }) => reader.follows(stream), isDiscarded, page)
  return { ...part, items: items.map((event) => (reader.handles(event) ? showPublic(event) : hideContent(event))) }
}

async function readPart(
  deps: ReadLogDependencies,
  matches: (event: RecordedEvent) => boolean,
  isDiscarded: IsDiscarded,
  { limit, continuation }: Page,
): Promise<LogPart> {
  const before =
    continuation === undefined ? { done: 0, total: await deps.history.count() } : readProgress(continuation)
  const from = continuation === undefined ? { skip: 0 } : readHistoryPlace(continuation)
  const { items, place, read, isEnd } = await searchHistory(deps, matches, limit, from)
  const done = before.done + read
  const progress = { done, total: Math.max(before.total, done) }
  const discarded = items.filter(({ stream, version }) => isDiscarded(stream, version)).map(formatPosition)
  return { items, discarded, progress, continuation: writeContinuation({ ...place, ...progress }), more: !isEnd }
}

function readProgress(continuation: string): LogPart['progress'] {
  const { done, total } = readContinuation(continuation)
  if (!isCount(done) || !isCount(total)) throw unknownContinuation()
  return { done, total }
}
