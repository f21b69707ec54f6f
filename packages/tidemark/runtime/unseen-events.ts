import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { GENESIS, type StreamHead } from '../core/hash-chain.ts'
import type { EventHistory } from '../core/ports.ts'

const PAGE = 200

/** Events of one stream, each once, by version. @throws TidemarkError `fork-detected` where two have one version. */
export function sortByVersion(stream: string, arrived: readonly RecordedEvent[]): RecordedEvent[] {
  const byVersion = new Map<number, RecordedEvent>()
  for (const event of arrived) {
    const twin = byVersion.get(event.version)
    if (twin && twin.hash !== event.hash) throw fork(stream, event.version)
    byVersion.set(event.version, event)
  }
  return [...byVersion.values()].sort((a, b) => a.version - b.version)
}

/** An event that a consumer has handled, and when it was recorded where that is known. */
export interface SeenEvent extends StreamHead {
  readonly time?: string
}

/**
 * What comes after a version among the events that arrived of one stream of the own log: duplicates dropped,
 * a gap filled from the log, in order, each linked to the one before.
 * @param after the version.
 * @param seen events that are known to be of the stream: at that version, or later.
 * @throws TidemarkError `fork-detected` where an event is not one that leads to these or follows them: the
 * log was changed, or restored and written again; `gap-unfilled` where the log lacks what is missing.
 */
export async function findUnseenEvents(
  log: Source,
  stream: string,
  after: number,
  seen: readonly SeenEvent[],
  arrived: readonly RecordedEvent[],
): Promise<RecordedEvent[]> {
  const sorted = sortByVersion(stream, arrived)
  for (const event of sorted) checkAgainstSeen(stream, event, seen)
  const newer = sorted.filter(({ version }) => version > after)
  const last = newer.at(-1)
  if (last === undefined) return []
  const events = last.version - after > newer.length ? await readBetween(log, stream, after, last) : newer

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

/** @throws TidemarkError `fork-detected` for an event that cannot be one of those that were handled. */
export function checkAgainstSeen(stream: string, event: RecordedEvent, seen: readonly SeenEvent[]): void {
  for (const head of seen) {
    const isOther = event.version === head.version && event.hash !== head.hash
    // Within one history no event is older than one before it.
    const isLater = event.version < head.version && head.time !== undefined && event.time > head.time
    if (isOther || isLater) throw fork(stream, event.version)
  }
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
