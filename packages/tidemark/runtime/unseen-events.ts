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
 * Returns the events that a consumer has not handled, from arrived events of one stream. They are in order and
 * without duplicates, gaps are filled, and each must follow the one before.
 * @throws TidemarkError `fork-detected` if an event does not connect to the known ones: the log was changed,
 * or restored and written again; `gap-unfilled` if the source lacks the missing events.
 */
export async function findUnseenEvents(
  source: GapSource,
  { stream, after, seen }: SeenStream,
  arrived: readonly RecordedEvent[],
): Promise<readonly RecordedEvent[]> {
  const sorted = sortByVersion(stream, arrived)
  for (const event of sorted) checkAgainstSeen(stream, event, seen)
  const newer = sorted.filter(({ version }) => version > after)
  const last = newer.at(-1)
  if (last === undefined) return []
  const events = last.version - after > newer.length ? await fillGaps(source, stream, after, newer) : newer

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

/** What gaps are filled from. */
export interface GapSource extends Pick<EventHistory, 'readRange'> {
  /**
   * It is minutes behind: it may lack events that have arrived. One read costs the same however much it returns.
   * Absent: it is the log itself.
   */
  readonly isArchive?: true
}

/**
 * Adds the events that did not arrive. It reads once, from the first gap to the event after the last one, and
 * compares what is read again. An archive may lack that event, and is read up to the gap's end.
 */
async function fillGaps(
  source: GapSource,
  stream: string,
  after: number,
  arrived: readonly RecordedEvent[],
): Promise<readonly RecordedEvent[]> {
  const before = (index: number): number => arrived[index - 1]?.version ?? after
  const isAfterGap = ({ version }: RecordedEvent, index: number): boolean => version > before(index) + 1
  const start = before(arrived.findIndex(isAfterGap))
  const next = arrived.findLast(isAfterGap)?.version ?? start
  const end = source.isArchive ? next - 1 : next
  const read = await readRange(source, stream, start, end)
  if (read.length < end - start)
    throw new TidemarkError(
      'gap-unfilled',
      `${stream}: events between ${start} and ${next} are missing, even in the log`,
    )
  const hashes = new Map(read.map(({ version, hash }) => [version, hash]))
  for (const { version, hash } of arrived) if ((hashes.get(version) ?? hash) !== hash) throw fork(stream, version)
  return [
    ...arrived.filter(({ version }) => version <= start),
    ...read,
    ...arrived.filter(({ version }) => version > end),
  ]
}

/** The events after one version up to another, as far as the source has them. */
async function readRange(
  source: GapSource,
  stream: string,
  after: number,
  end: number,
): Promise<readonly RecordedEvent[]> {
  const events: RecordedEvent[] = []
  const most = source.isArchive ? end - after : PAGE
  for (let read = after; read < end; ) {
    const limit = Math.min(most, end - read)
    const page = await source.readRange(stream, { direction: 'forward', after: read, limit })
    events.push(...page)
    if (page.length < limit) break
    read += limit
  }
  return events
}

export function fork(stream: string, version: number): TidemarkError {
  return new TidemarkError(
    'fork-detected',
    `${stream}@${version} does not follow the history that this consumer has handled`,
  )
}
