import {
  type ArchiveEnd,
  archiveError,
  checkFollows,
  decodeSegment,
  EMPTY_ARCHIVE,
  SEGMENT_BYTES,
  SEGMENT_ITEMS,
  type Segment,
  SegmentBuilder,
  type SegmentHeader,
} from '../core/archive.ts'
import type { Archive, Clock, ItemFeed, ItemReader } from '../core/ports.ts'
import type { ArchiveStatus } from '../core/status.ts'
import { NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'

export interface ArchiveDependencies {
  readonly service: string
  readonly archive: Archive
  readonly feed: ItemFeed
  readonly clock: Pick<Clock, 'elapsed'>
  readonly telemetry?: Telemetry
  /** When a segment is full. Default: that of the format. */
  readonly full?: { readonly items: number; readonly bytes: number }
}

/** What a run of the writer did. */
export interface ArchiveRun {
  readonly segments: number
  readonly items: number
  /** Whether the archive has all that the log had when the run began. If not, its time was up. */
  readonly atEnd: boolean
}

/** The items for one segment. */
interface Part {
  readonly reader: ItemReader
  readonly segment: SegmentBuilder
  continuation: string
  newest: string
  atEnd: boolean
}

/**
 * Writes a service's archive. The newest segment is the only state: it says where the next one begins. Another
 * writer, or an earlier try, may have created that one already; then this writer goes on from there.
 */
export class ArchiveWriter {
  readonly #deps: ArchiveDependencies
  readonly #newest: NewestSegment
  /** A reader that stands at the newest segment's continuation. */
  #reader: ItemReader | undefined

  constructor(deps: ArchiveDependencies) {
    this.#deps = deps
    this.#newest = new NewestSegment(deps.service, deps.archive)
  }

  /**
   * Writes segments until the archive has the whole log, or the time is up. Writes nothing if there is nothing
   * new.
   * @param milliseconds after this time it ends the segment that it has begun.
   * @throws TidemarkError `unavailable`, `outcome-unknown`, `container-missing`; `archive-broken` and others if
   *   the newest segment is not as it was written
   */
  async write(milliseconds: number): Promise<ArchiveRun> {
    const { clock } = this.#deps
    const until = clock.elapsed() + milliseconds
    let [segments, items] = [0, 0]
    do {
      const end = await this.#newest.find()
      const part = await this.#read(end, until)
      const { count } = part.segment
      if (count === 0) return { segments, items, atEnd: part.atEnd }
      if (!(await this.#create(end, part))) continue
      segments += 1
      items += count
      if (part.atEnd) return { segments, items, atEnd: true }
    } while (clock.elapsed() < until)
    return { segments, items, atEnd: false }
  }

  /** When the newest archived item was written; undefined if there is none. */
  async newest(): Promise<string | undefined> {
    return (await this.#newest.find()).newest
  }

  /** Reads items until they fill a segment, or there are no more, or the time is up. */
  async #read(end: ArchiveEnd, until: number): Promise<Part> {
    const { clock, full = { items: SEGMENT_ITEMS, bytes: SEGMENT_BYTES } } = this.#deps
    const reader = this.#reader ?? this.#deps.feed.open(end.continuation)
    const segment = new SegmentBuilder()
    const part: Part = { reader, segment, continuation: '', newest: '', atEnd: false }
    // What is read and not written must be read again. After an error, another reader does so.
    this.#reader = undefined
    do {
      const { items, continuation, atEnd, written } = await reader.next()
      await segment.add(items.map((item) => JSON.stringify(item)))
      part.continuation = continuation
      if (written && written.newest > part.newest) part.newest = written.newest
      part.atEnd = atEnd
    } while (!part.atEnd && segment.count < full.items && segment.bytes < full.bytes && clock.elapsed() < until)
    if (segment.count === 0) this.#reader = reader
    return part
  }

  /** @returns false if the segment exists. */
  async #create(end: ArchiveEnd, part: Part): Promise<boolean> {
    const { service, archive, telemetry = NO_TELEMETRY } = this.#deps
    const { header, bytes } = await part.segment.seal(service, end, part)
    if ((await archive.create(header.number, bytes)) === 'exists') {
      await this.#newest.adopt(end)
      return false
    }
    telemetry.record('tidemark.archive.items', header.count)
    this.#newest.set(header)
    this.#reader = part.reader
    return true
  }
}

/** The newest segment of an archive. Cached, because it is needed every minute and seldom changes. */
export class NewestSegment {
  readonly #service: string
  readonly #archive: Archive
  #known: ArchiveEnd & Partial<SegmentHeader> = EMPTY_ARCHIVE
  #isKnown = false

  constructor(service: string, archive: Archive) {
    this.#service = service
    this.#archive = archive
  }

  /** The newest segment that is known. It may have successors, which `create` and `refresh` find. */
  async find(): Promise<ArchiveEnd & Partial<SegmentHeader>> {
    return this.#isKnown ? this.#known : this.refresh()
  }

  /** Looks for newer segments. */
  async refresh(): Promise<ArchiveEnd & Partial<SegmentHeader>> {
    const number = await findLast(this.#archive, this.#known.number)
    if (number > this.#known.number) await this.#load(number)
    this.#isKnown = true
    return this.#known
  }

  set(header: SegmentHeader): void {
    this.#known = header
    this.#isKnown = true
  }

  /** Takes the segment after `end`, which exists, and those after that. */
  async adopt(end: ArchiveEnd): Promise<void> {
    await this.#load(end.number + 1)
    checkFollows(this.#service, this.#known as SegmentHeader, end)
    await this.refresh()
  }

  async #load(number: number): Promise<void> {
    this.#known = (await readSegment(this.#service, this.#archive, number)).header
  }
}

/**
 * The number of the last segment, at least `known`. Doubles its steps, then halves them: about 40 requests for
 * a million segments, and one if there are none after `known`.
 */
async function findLast(archive: Archive, known: number): Promise<number> {
  let last = known
  let step = 1
  while (await archive.has(last + step)) {
    last += step
    step *= 2
  }
  for (step /= 2; step >= 1; step /= 2) if (await archive.has(last + step)) last += step
  return last
}

/**
 * Reads one segment and checks it against its own roots.
 * @throws TidemarkError `archive-gap` if there is none; `archive-changed`, `archive-unreadable`, `unavailable`
 */
export async function readSegment(service: string, archive: Archive, number: number): Promise<Segment> {
  const bytes = await archive.read(number)
  if (bytes === undefined) throw archiveError('archive-gap', service, number, 'is missing')
  return decodeSegment(service, number, bytes)
}

/** A segment as `readArchive` returns it. */
export interface ArchivedSegment extends Segment {
  /** How large it is as it is stored. */
  readonly bytes: number
}

/**
 * Reads a whole archive, one segment at a time, each checked against its roots and the segment before. What it
 * cannot tell: whether segments were removed at the end.
 * @param after the segment after which to start. Default: the first one is read first.
 * @throws TidemarkError `archive-gap`, `archive-broken`, `archive-changed`, `archive-unreadable`: the first
 *   wrong segment. `unavailable`, `container-missing`.
 */
export async function* readArchive(
  service: string,
  archive: Archive,
  after: ArchiveEnd = EMPTY_ARCHIVE,
): AsyncIterable<ArchivedSegment> {
  let end = after
  for await (const { number, bytes } of archive.list(end.number)) {
    if (number > end.number + 1) throw archiveError('archive-gap', service, end.number + 1, 'is missing')
    const segment = await readSegment(service, archive, number)
    checkFollows(service, segment.header, end)
    end = segment.header
    yield { ...segment, bytes }
  }
}

/** How far the archive is behind the log. Reads one page of the log. */
export class ArchiveLag {
  readonly #newest: NewestSegment
  readonly #feed: ItemFeed
  readonly #intervalSeconds: number

  constructor({ service, archive, feed }: ArchiveDependencies, intervalSeconds: number) {
    this.#newest = new NewestSegment(service, archive)
    this.#feed = feed
    this.#intervalSeconds = intervalSeconds
  }

  async read(now: string): Promise<ArchiveStatus> {
    const { number, newest, continuation } = await this.#newest.refresh()
    const { items, atEnd, written } = await this.#feed.open(continuation).next()
    const age = written === undefined ? 0 : Math.round((Date.parse(now) - Date.parse(written.oldest)) / 1000)
    return {
      segments: number,
      ...(newest === undefined ? {} : { newest }),
      items: items.length,
      more: !atEnd && items.length > 0,
      seconds: Math.max(0, age),
      intervalSeconds: this.#intervalSeconds,
    }
  }
}
