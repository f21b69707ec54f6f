import type { Container } from '@azure/cosmos'
import { ArchiveIndex, type IndexedItem } from './archive-index.ts'
import { GENESIS, type RawItem } from './event-hash.ts'
import { type Counted, verifyLog } from './log.ts'
import { type CheckedSegment, formatSegment, hashContent, type StoredSegment } from './segment.ts'
import { checkSegments } from './segment-threads.ts'
import type { Fault } from './stream-check.ts'

/** How much of an archive was checked. */
export interface ArchiveCount {
  readonly segments: number
  readonly items: number
  readonly events: number
  /** The root of the newest segment. Whoever keeps it can later prove that nothing up to it was changed. */
  readonly root: string
}

/** What was compared with the log, and what the archive cannot tell about it. */
export interface LogCount extends Counted {
  /** Items of the log that no segment has yet: nothing shows whether they are as they were written. */
  readonly unanchored: number
  /** When the oldest of them was written: RFC 3339, UTC. */
  readonly oldest?: string
}

export interface ArchiveWatch {
  /** Reports the items of a segment, or of a page of the log. */
  readonly progress: (items: number) => void
  readonly fault: (fault: Fault) => void
}

export interface ArchiveOptions {
  readonly service: string
  /** The segments as they are stored, by ascending number. */
  readonly segments: AsyncIterable<StoredSegment>
  /** A root from an earlier check: one of the segments must have it. */
  readonly root?: string
  /** Threads that check segments. Default: one for each processor, at most 4. */
  readonly threads?: number
  /** The log that was archived. Absent: only the archive is checked. */
  readonly log?: Container
}

/** An archive that lags behind its log by more than this is not being written, or its end was removed. Seconds. */
const LARGEST_LAG = 3_600

/**
 * Checks an archive: each segment, each event in it, and the chain of segments. Then it checks the log, if one is
 * given, and compares every item of it with the archive. Memory holds a few segments and one stream; the rest is
 * in a temporary file.
 * @throws TidemarkError never for what it finds. Errors of the store and of the file system are thrown.
 * @example
 * ```ts
 * import { CosmosClient } from '@azure/cosmos'
 * import { BlobServiceClient } from '@azure/storage-blob'
 * import { readSegments, verifyArchive } from 'tidemark/verify'
 *
 * export async function check(cosmos: string, storage: string): Promise<void> {
 *   const log = new CosmosClient(cosmos).database('entries').container('events')
 *   const container = BlobServiceClient.fromConnectionString(storage).getContainerClient('archive-entries')
 *   const { archive, log: compared } = await verifyArchive(
 *     { service: 'entries', segments: readSegments(container), log },
 *     { progress: () => {}, fault: ({ place, wrong, detail }) => console.error(`${place} ${wrong}: ${detail}`) },
 *   )
 *   console.log(`${archive.items} items up to ${archive.root}; ${compared?.unanchored} of the log are newer`)
 * }
 * ```
 */
export async function verifyArchive(
  { service, segments, root, threads, log }: ArchiveOptions,
  on: ArchiveWatch,
): Promise<{ readonly archive: ArchiveCount; readonly log?: LogCount }> {
  const index = new ArchiveIndex()
  try {
    const chain = new ChainCheck(on.fault, root)
    for await (const segment of checkSegments(service, segments, threads)) {
      for (const fault of segment.faults) on.fault(fault)
      chain.add(segment)
      index.add(segment)
      on.progress(segment.items)
    }
    chain.end()
    if (log === undefined) {
      for (const stream of index.broken()) for (const fault of checkArchivedStream(index.items(stream))) on.fault(fault)
      return { archive: chain }
    }
    return { archive: chain, log: await compareWithLog({ index, isWhole: chain.isWhole }, log, on) }
  } finally {
    index.close()
  }
}

/** Checks that segments are numbered without a gap, and that each follows the one before. */
class ChainCheck implements ArchiveCount {
  readonly #fault: ArchiveWatch['fault']
  /** The root that was not found yet. */
  #wanted: string | undefined
  #number = 0
  /** The root of the segment before; undefined if that one could not be read. */
  #before: string | undefined = GENESIS
  /** Whether every segment up to the newest was read. */
  isWhole = true
  segments = 0
  items = 0
  events = 0
  root = GENESIS

  constructor(fault: ArchiveWatch['fault'], wanted: string | undefined) {
    this.#fault = fault
    this.#wanted = wanted
  }

  add({ number, header, items, events }: CheckedSegment): void {
    for (let missing = this.#number + 1; missing < number; missing++)
      this.#fault({ place: formatSegment(missing), wrong: 'missing', detail: 'later segments exist' })
    const follows = number === this.#number + 1
    if (!follows || header === undefined) this.isWhole = false
    if (header && follows && this.#before !== undefined && header.previous !== this.#before)
      this.#fault({
        place: formatSegment(number),
        wrong: 'does not follow',
        detail: `${formatSegment(number - 1)} or this one was replaced`,
      })
    if (header?.restored !== undefined && this.isWhole && header.restored !== this.items)
      this.#fault({
        place: formatSegment(number),
        wrong: 'changed',
        detail: `it says that ${header.restored} items are before it, but there are ${this.items}`,
      })
    this.#number = number
    this.segments += 1
    this.items += items
    this.events += events
    this.#before = header?.root
    if (header) this.root = header.root
    if (header?.root === this.#wanted) this.#wanted = undefined
  }

  end(): void {
    if (this.#wanted === undefined) return
    const detail = `no segment has the root ${this.#wanted}: segments up to it were replaced, or removed at the end`
    this.#fault({ place: 'the archive', wrong: 'missing', detail })
  }
}

/** Checks one stream as it was archived: the versions and links of its commits, and items that came twice. */
function checkArchivedStream(items: readonly IndexedItem[]): readonly Fault[] {
  const faults: Fault[] = []
  const seen = new Map<string, IndexedItem>()
  let end = { version: 0, hash: GENESIS as string | undefined }
  for (const item of items) {
    const { stream, id, from, to, hash, segment, content } = item
    const first = seen.get(id)
    if (first !== undefined) {
      if (first.content !== content) faults.push(changedLater(first, item))
      continue
    }
    seen.set(id, item)
    if (from === undefined) continue
    const place = `${stream}@${from}`
    if (from > end.version + 1) {
      const detail = `${formatSegment(segment)} has a later event`
      faults.push({ place: formatRange(stream, end.version + 1, from - 1), wrong: 'missing', detail })
    } else if (from <= end.version) {
      const detail = `${formatSegment(segment)} has two commits with this version`
      faults.push({ place, wrong: 'inserted', detail })
    } else if (end.hash !== undefined && hash !== undefined && item.previousHash !== end.hash) {
      const detail = `in ${formatSegment(segment)}: this event or the one before was changed and hashed again`
      faults.push({ place, wrong: 'does not follow', detail })
    }
    end = { version: Math.max(to ?? from, end.version), hash }
  }
  return faults
}

function changedLater(first: IndexedItem, later: IndexedItem): Fault {
  const detail = `${formatSegment(later.segment)} has another content than ${formatSegment(first.segment)} had before`
  return { place: formatItem(first), wrong: 'changed', detail }
}

const formatRange = (stream: string, from: number, to: number): string =>
  from === to ? `${stream}@${from}` : `${stream}@${from} to ${stream}@${to}`

/** A commit by its versions, any other item by its id. */
function formatItem({ stream, id, from, to }: Pick<IndexedItem, 'stream' | 'id' | 'from' | 'to'>): string {
  return from === undefined ? `${stream} ${id}` : formatRange(stream, from, to ?? from)
}

/** An item of the log, as it is compared. */
interface LogItem {
  readonly id: string
  readonly content: string
  /** The first version of a commit. */
  readonly from: number | undefined
  /** When the store wrote it: seconds since 1970. */
  readonly written: number
}

/** Checks the log itself, and compares each stream with the archive. */
async function compareWithLog(
  { index, isWhole }: { readonly index: ArchiveIndex; readonly isWhole: boolean },
  log: Container,
  on: ArchiveWatch,
): Promise<LogCount> {
  let [unanchored, oldest, newest] = [0, Number.POSITIVE_INFINITY, 0]
  let items: LogItem[] = []
  const counted = await verifyLog(log, {
    ...on,
    item: (item) => items.push(toLogItem(item)),
    stream(stream) {
      index.see(stream)
      const found = compareStream(stream, index.items(stream), items)
      for (const fault of found.faults) on.fault(fault)
      // What a missing segment had is not to be told from what was inserted.
      if (isWhole) for (const fault of found.inserted) on.fault(fault)
      unanchored += found.unanchored.length
      for (const { written } of found.unanchored) oldest = Math.min(oldest, written)
      for (const { written } of items) newest = Math.max(newest, written)
      items = []
    },
  })
  for (const { stream, items, from, to } of index.unseen()) {
    const segments = from === to ? formatSegment(from) : `segments ${from} to ${to}`
    const detail = `the log does not have the stream: its ${items} items are in ${segments}`
    on.fault({ place: stream, wrong: 'missing', detail })
  }
  const since = new Date(oldest * 1000)
  if (newest - oldest > LARGEST_LAG) {
    const detail =
      `no segment has what was written since ${since.toISOString()}: ` +
      'the last segments were removed, or the archive is not written'
    on.fault({ place: 'the archive', wrong: 'missing', detail })
  }
  return { ...counted, unanchored, ...(unanchored > 0 ? { oldest: since.toISOString() } : {}) }
}

function toLogItem(item: RawItem): LogItem {
  const { id, from, _ts } = item
  const isCommit = typeof from === 'number' && Number(id) === from
  return { id: String(id), content: hashContent(item), from: isCommit ? from : undefined, written: Number(_ts) }
}

function compareStream(
  stream: string,
  archived: readonly IndexedItem[],
  items: readonly LogItem[],
): { readonly faults: readonly Fault[]; readonly inserted: readonly Fault[]; readonly unanchored: readonly LogItem[] } {
  const faults: Fault[] = []
  const inLog = new Map(items.map((item) => [item.id, item]))
  for (const copies of Map.groupBy(archived, ({ id }) => id).values()) {
    const fault = compareItem(copies, inLog.get(copies[0]?.id ?? ''))
    if (fault) faults.push(fault)
  }
  const known = new Set(archived.map(({ id }) => id))
  const end = Math.max(0, ...archived.map(({ to = 0 }) => to))
  const rest = items.filter(({ id }) => !known.has(id))
  const inserted = rest
    .filter(({ from = end + 1 }) => from <= end)
    .map(({ from }): Fault => {
      const detail = 'it is in no segment, although later events of the stream are'
      return { place: `${stream}@${from}`, wrong: 'inserted', detail }
    })
  return { faults, inserted, unanchored: rest.filter(({ from = end + 1 }) => from > end) }
}

/** @param copies what the archive has of one item: more than one if it was written again. */
function compareItem([first, ...later]: readonly IndexedItem[], item: LogItem | undefined): Fault | undefined {
  if (first === undefined) return undefined
  const place = formatItem(first)
  const other = later.find(({ content }) => content !== first.content)
  if (item === undefined)
    return { place, wrong: 'missing', detail: `the log does not have it, but ${formatSegment(first.segment)} does` }
  if (other) return changedLater(first, other)
  if (item.content === first.content) return undefined
  return { place, wrong: 'changed', detail: `${formatSegment(first.segment)} has another content than the log` }
}
