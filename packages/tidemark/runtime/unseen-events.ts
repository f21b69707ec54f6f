import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { GENESIS, type StreamHead } from '../core/hash-chain.ts'
import type { EventHistory } from '../core/ports.ts'

const PAGE = 200

/**
 * Sorts events of one stream by version, without duplicates.
 * @throws TidemarkError `fork-detected` if two differ at one version.
 */
export function sortByVersion(stream: string, arrived: readonly RecordedEvent[]): RecordedEvent[] {
  const byVersion = new Map<number, RecordedEvent>()
  for (const event of arrived) {
    const twin = byVersion.get(event.version)
    if (twin && twin.hash !== event.hash) throw fork(stream, event.version)
    byVersion.set(event.version, event)
  }
  return [...byVersion.values()].sort((a, b) => a.version - b.version)
}

/** An event that a consumer has handled, and when it was recorded if known. */
interface SeenEvent extends StreamHead {
  readonly time?: string
}

/** The part of a stream that a consumer has handled. */
interface SeenStream {
  readonly stream: string
  /** The version up to which all events are handled. */
  readonly after: number
  /** Known events, at that version or later. */
  readonly seen: readonly SeenEvent[]
}

/**
 * Returns the events that a consumer has not handled, from arrived events of one stream of the own log. They
 * are in order and without duplicates, gaps are filled from the log, and each must follow the one before.
 * @throws TidemarkError `fork-detected` if an event does not connect to the known ones: the log was changed,
 * or restored and written again; `gap-unfilled` if the log lacks the missing events.
 */
export async function findUnseenEvents(
  log: Source,
  { stream, after, seen }: SeenStream,
  arrived: readonly RecordedEvent[],
): Promise<RecordedEvent[]> {
  const sorted = sortByVersion(stream, arrived)
  for (const event of sorted) checkAgainstSeen(stream, event, seen)
  const newer = sorted.filter(({ version }) => version > after)
  const last = newer.at(-1)
  if (last === undefined) return []
  const events = last.version - after > newer.length ? await fillGaps(log, stream, after, newer) : newer

  const heads = new Map(seen.map(({ version, hash }) => [version, hash]))
  let hash = after === 0 ? GENESIS : heads.get(after)
  for (const event of events) {
    const known = heads.get(event.version)
    if ((hash !== undefined && event.previousHash !== hash) || (known !== undefined && known !== event.hash))
      throw fork(stream, event.version)
    hash = event.hash
  }
  return events
}

/** @throws TidemarkError `fork-detected` if the event contradicts those that were handled. */
export function checkAgainstSeen(stream: string, event: RecordedEvent, seen: readonly SeenEvent[]): void {
  for (const head of seen) {
    const isOther = event.version === head.version && event.hash !== head.hash
    // In one history, an earlier version never has a later time.
    const isLater = event.version < head.version && head.time !== undefined && event.time > head.time
    if (isOther || isLater) throw fork(stream, event.version)
  }
}

type Source = Pick<EventHistory, 'readRange'>

/**
 * Reads the events after a version that did not arrive, up to the last that did. Only those: another service's
 * archive may not have the newest yet.
 */
async function fillGaps(
  log: Source,
  stream: string,
  after: number,
  arrived: readonly RecordedEvent[],
): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  let read = after
  for (const event of arrived) {
    while (read < event.version - 1) {
      const limit = Math.min(PAGE, event.version - 1 - read)
      const page = await log.readRange(stream, { direction: 'forward', after: read, limit })
      const end = page.at(-1)
      if (page.length < limit || end === undefined)
        throw new TidemarkError(
          'gap-unfilled',
          `${stream}: events between ${read} and ${event.version} are missing, even in the log`,
        )
      events.push(...page)
      read = end.version
    }
    events.push(event)
    read = event.version
  }
  return events
}

export function fork(stream: string, version: number): TidemarkError {
  return new TidemarkError(
    'fork-detected',
    `${stream}@${version} does not follow the history that this consumer has handled`,
  )
}
