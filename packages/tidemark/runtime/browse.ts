import type { RecordedCommit } from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { PageOf, StreamSummary, StreamsQuery, TailQuery } from '../core/operations.ts'
import type { CommitFilter, EventHistory, LogBrowser } from '../core/ports.ts'
import { parseCategory } from '../core/stream.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'

/**
 * Lists streams of a log. With a prefix: the streams whose names begin with it, by name. Without one: the
 * most recently written streams, newest first, each once per page.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export function findStreams(
  browser: LogBrowser,
  log: EventHistory,
  { prefix, category, limit, continuation }: StreamsQuery,
): Promise<PageOf<StreamSummary>> {
  const filter = category === undefined ? {} : { category }
  if (prefix === undefined) return newestStreams(browser, filter, limit, continuation)
  if (category !== undefined && !prefix.startsWith(`${category}-`))
    throw new TidemarkError('invalid-query', `no stream name of ${category} begins with ${prefix}`)
  return namedStreams(browser, log, prefix, limit, continuation)
}

async function newestStreams(
  browser: LogBrowser,
  filter: CommitFilter,
  limit: number,
  continuation?: string,
): Promise<PageOf<StreamSummary>> {
  const page = await browser.newest(filter, limit, continuation)
  const byName = new Map<string, StreamSummary>()
  for (const { stream, to, events } of page.commits)
    if ((byName.get(stream)?.version ?? 0) < to) byName.set(stream, summarizeStream(stream, events))
  return { items: [...byName.values()], ...(page.continuation ? { continuation: page.continuation } : {}) }
}

async function namedStreams(
  browser: LogBrowser,
  log: EventHistory,
  prefix: string,
  limit: number,
  after?: string,
): Promise<PageOf<StreamSummary>> {
  // One name more than requested shows whether there is another page.
  const found = await browser.streams(prefix, limit + 1, after)
  const names = found.slice(0, limit)
  const newest = new Map<string, readonly RecordedEvent[]>()
  await forEachLimited(names, CONCURRENCY, async (stream) => {
    newest.set(stream, await log.readRange(stream, { direction: 'backward', limit: 1 }))
  })
  const items = names.map((stream) => summarizeStream(stream, newest.get(stream) ?? []))
  const last = names.at(-1)
  return { items, ...(found.length > limit && last ? { continuation: last } : {}) }
}

function summarizeStream(stream: string, events: readonly RecordedEvent[]): StreamSummary {
  const last = events.at(-1)
  return { stream, version: last?.version ?? 0, time: last?.time ?? '', types: events.map(({ type }) => type) }
}

/**
 * Returns recorded events. Without a continuation: the newest events, oldest first. With one: the events
 * since. The returned continuation delivers the next events.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export async function tail(
  browser: LogBrowser,
  { category, type, limit, after }: TailQuery,
): Promise<Required<PageOf<RecordedEvent>>> {
  const filter = { ...(category === undefined ? {} : { category }), ...(type === undefined ? {} : { type }) }
  if (after === undefined) {
    // Reads the end first, so an event in between is shown twice rather than never.
    const continuation = await browser.end()
    const { commits } = await browser.newest(filter, limit)
    return { items: selectMatching(commits.toReversed(), filter).slice(-limit), continuation }
  }
  const { commits, continuation } = await browser.since(after, limit)
  return { items: selectMatching(commits, filter), continuation }
}

/** The events that match a filter, by time; the events of one stream in stream order. */
function selectMatching(
  commits: readonly RecordedCommit[],
  { category, type }: CommitFilter,
): readonly RecordedEvent[] {
  return sortByTime(commits.flatMap(({ events }) => events)).filter(
    (event) =>
      (category === undefined || parseCategory(event.stream) === category) &&
      (type === undefined || event.type === type),
  )
}

/**
 * Returns every event of this service that one request caused, by time.
 * @throws TidemarkError `unavailable`, `invalid-query`
 */
export async function readTrace(
  browser: LogBrowser,
  correlation: string,
  limit: number,
  continuation?: string,
): Promise<PageOf<RecordedEvent>> {
  const page = await browser.correlated(correlation, limit, continuation)
  const items = sortByTime(page.commits.flatMap(({ events }) => events))
  return { items, ...(page.continuation ? { continuation: page.continuation } : {}) }
}

function sortByTime(events: readonly RecordedEvent[]): readonly RecordedEvent[] {
  return events.toSorted((one, other) => {
    if (one.stream === other.stream) return one.version - other.version
    return one.time < other.time ? -1 : one.time > other.time ? 1 : 0
  })
}
