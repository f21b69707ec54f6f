import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import type { LogPart, LogQuery } from '../core/operations.ts'
import type { Clock, EventFeed } from '../core/ports.ts'
import { formatPosition, parseCategory } from '../core/stream.ts'
import { readFeedPlace, searchFeed } from './document-events.ts'

export interface ReadLogDependencies {
  readonly feed: EventFeed
  readonly clock: Pick<Clock, 'elapsed'>
  /** Reads which events were discarded for a view, known to this build or not. */
  readonly readDiscards: (view: { readonly name: string }) => Promise<(stream: string, version: number) => boolean>
}

/**
 * Reads the events of a category from the first on, part by part. Each part takes some seconds at most, and
 * may be empty. After the last part, the continuation leads to newer events.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export async function readLog(
  { feed, clock, readDiscards }: ReadLogDependencies,
  { category, view, limit, continuation }: LogQuery,
): Promise<LogPart> {
  const isDiscarded = view === undefined ? () => false : await readDiscards({ name: view })
  const before = continuation === undefined ? { done: 0, total: await feed.count() } : readProgress(continuation)
  const from = continuation === undefined ? { skip: 0 } : readFeedPlace(continuation)
  const matches = ({ stream }: { readonly stream: string }) => parseCategory(stream) === category
  const { items, place, commits, isEnd } = await searchFeed({ feed, clock }, matches, limit, from)
  const done = before.done + commits
  const progress = { done, total: Math.max(before.total, done) }
  const discarded = items.filter(({ stream, version }) => isDiscarded(stream, version)).map(formatPosition)
  return { items, discarded, progress, continuation: writeContinuation({ ...place, ...progress }), more: !isEnd }
}

function readProgress(continuation: string): LogPart['progress'] {
  const { done, total } = readContinuation(continuation)
  if (!isCount(done) || !isCount(total)) throw unknownContinuation()
  return { done, total }
}
