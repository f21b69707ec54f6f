import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { follows, type StreamHead } from '../core/hash-chain.ts'
import type { EventHistory } from '../core/ports.ts'

const PAGE = 200

/** Events of one stream, each once, by version. @throws TidemarkError `fork-detected` where two have one version. */
export function inOrder(stream: string, arrived: readonly RecordedEvent[]): RecordedEvent[] {
  const byVersion = new Map<number, RecordedEvent>()
  for (const event of arrived) {
    const twin = byVersion.get(event.version)
    if (twin && twin.hash !== event.hash) throw fork(stream, event.version)
    byVersion.set(event.version, event)
  }
  return [...byVersion.values()].sort((a, b) => a.version - b.version)
}

/**
 * Those of some events of a stream, in order, that come after a head.
 * @throws TidemarkError `fork-detected` where the head's own event is among them and is another.
 */
export function pastHead(stream: string, head: StreamHead, events: readonly RecordedEvent[]): RecordedEvent[] {
  const seen = events.find(({ version }) => version === head.version)
  if (seen && seen.hash !== head.hash) throw fork(stream, head.version)
  return events.filter(({ version }) => version > head.version)
}

/**
 * What is new among the events that arrived of one stream of the own log: duplicates dropped, a gap filled from the log, in order, each linked
 * to the one before.
 * @param head how far the consumer has come.
 * @throws TidemarkError `fork-detected` where an event is not the one the consumer has seen or follows; `gap-unfilled` where the
 *   log lacks what is missing.
 */
export async function pendingOf(
  log: Source,
  stream: string,
  head: StreamHead,
  arrived: readonly RecordedEvent[],
): Promise<RecordedEvent[]> {
  let pending = pastHead(stream, head, inOrder(stream, arrived))
  const last = pending.at(-1)
  if (last === undefined) return []
  if (last.version - head.version > pending.length) pending = await readBetween(log, stream, head.version, last)

  let end = head
  for (const event of pending) {
    if (!follows(event, end)) throw fork(stream, event.version)
    end = event
  }
  return pending
}

type Source = Pick<EventHistory, 'readRange'>

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

export function fork(stream: string, version: number): TidemarkError {
  return new TidemarkError(
    'fork-detected',
    `${stream}@${version} is not the event that this consumer's history leads to`,
  )
}
