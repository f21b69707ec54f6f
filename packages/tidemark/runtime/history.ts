import type { HistoryRange } from '../core/commit.ts'
import type { HistoryPage, PointInTime } from '../core/data-path.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { EventHistory, EventStore } from '../core/ports.ts'
import { isStream, parseCategory } from '../core/stream.ts'
import { type AggregateState, emptyState, foldInTurns } from './fold.ts'
import { parseTime } from './time.ts'

/**
 * Reads a page of a stream's events.
 * @throws TidemarkError `stream-not-found`, `invalid-id`
 */
export async function readHistory(log: EventHistory, stream: string, range: HistoryRange): Promise<HistoryPage> {
  checkStream(stream)
  // One event more than requested shows whether there is another page.
  const found = await log.readRange(stream, { ...range, limit: range.limit + 1 })
  if (found.length === 0 && (await log.readRange(stream, { direction: 'forward', limit: 1 })).length === 0)
    throw notFound(stream)
  const events = found.slice(0, range.limit)
  const last = events.at(-1)
  return { events, ...(found.length > range.limit && last ? { continuation: last.version } : {}) }
}

/**
 * Returns the aggregate state at a point in a stream's history, folded by the decider of its category. At a
 * time, it includes all events up to and including that time; events of one command share their time.
 * @throws TidemarkError `stream-not-found`, `invalid-id`, `invalid-time`; `version-not-found` after the
 * newest version and before the first event; `chain-broken`, `event-unknown`
 */
export async function stateAt(
  log: Pick<EventStore, 'read'>,
  deciders: readonly AnyDecider[],
  stream: string,
  point: PointInTime,
): Promise<AggregateState> {
  checkStream(stream)
  const { version = Number.POSITIVE_INFINITY } = point
  const until = point.at === undefined ? Number.POSITIVE_INFINITY : parseTime(point.at)
  const decider = deciders.find(({ category }) => category === parseCategory(stream))
  if (decider === undefined) throw notFound(stream)

  let folded = emptyState(decider)
  for await (const page of log.read(stream, 0))
    for (const { events } of page) {
      // Times never run backwards in a stream, so every event after the first later one is later too.
      const end = events.findIndex((event) => event.version > version || Date.parse(event.time) > until)
      folded = await foldInTurns(decider, folded, [{ events: end === -1 ? events : events.slice(0, end) }])
      const [first] = events
      if (folded.head.version === 0 && first)
        throw new TidemarkError('version-not-found', `${stream} began at ${first.time}`)
      if (end !== -1 || folded.head.version === version) return folded
    }
  if (folded.head.version === 0) throw notFound(stream)
  if (point.version !== undefined && folded.head.version < point.version)
    throw new TidemarkError('version-not-found', `${stream} is at version ${folded.head.version}`)
  return folded
}

function checkStream(stream: string): void {
  if (!isStream(stream)) throw new TidemarkError('invalid-id', 'a stream is <category>-<id>, such as order-1')
}

function notFound(stream: string): TidemarkError {
  return new TidemarkError('stream-not-found', `there is no stream ${stream}`)
}
