import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { follows, type StreamHead } from '../core/hash-chain.ts'
import type { EventHistory } from '../core/ports.ts'

/** What a gap is filled from: the own log. */
export type Source = Pick<EventHistory, 'readRange'>

/** For the events of another service, whose log is its own: a gap stays one. */
export const noSource: Source = { readRange: async () => [] }

const PAGE = 200

/**
 * What is new among the events that arrived of one stream: duplicates dropped, a gap filled from the log, in order, each linked to
 * the one before.
 * @param tip how far the consumer has come.
 * @throws TidemarkError `fork-detected` where an event is not the one the consumer has seen or follows; `gap-unfilled` where the
 *   log lacks what is missing.
 */
export async function pendingOf(
  log: Source,
  stream: string,
  tip: StreamHead,
  arrived: readonly RecordedEvent[],
): Promise<RecordedEvent[]> {
  const seen = arrived.find((event) => event.version === tip.version)
  if (seen && seen.hash !== tip.hash) throw fork(stream, tip.version)

  const byVersion = new Map<number, RecordedEvent>()
  for (const event of arrived) {
    const twin = byVersion.get(event.version)
    if (twin && twin.hash !== event.hash) throw fork(stream, event.version)
    if (event.version > tip.version) byVersion.set(event.version, event)
  }
  let pending = [...byVersion.values()].sort((a, b) => a.version - b.version)
  const last = pending.at(-1)
  if (last === undefined) return []
  if (last.version - tip.version > pending.length) pending = await readBetween(log, stream, tip.version, last)

  let end = tip
  for (const event of pending) {
    if (!follows(event, end)) throw fork(stream, event.version)
    end = event
  }
  return pending
}

/** The events of the log after a version, up to one that arrived. */
async function readBetween(log: Source, stream: string, after: number, last: RecordedEvent): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for (let read = after; read < last.version; ) {
    const limit = Math.min(PAGE, last.version - read)
    const page = await log.readRange(stream, { direction: 'forward', after: read, limit })
    events.push(...page)
    const end = page.at(-1)
    if (end === undefined) break
    read = end.version
  }
  if (events.length !== last.version - after)
    throw new TidemarkError(
      'gap-unfilled',
      `${stream}: events between ${after} and ${last.version} are missing, in the log too`,
    )
  if (events.at(-1)?.hash !== last.hash) throw fork(stream, last.version)
  return events
}

function fork(stream: string, version: number): TidemarkError {
  return new TidemarkError(
    'fork-detected',
    `${stream}@${version} is not the event that this consumer's history leads to`,
  )
}
