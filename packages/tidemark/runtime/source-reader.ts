import { type ArchiveEnd, decodeHeader, EMPTY_ARCHIVE } from '../core/archive.ts'
import { fromCloudEvent } from '../core/cloud-event.ts'
import { selectCommits } from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { Archive, HubReader } from '../core/ports.ts'
import { readArchive } from './archive.ts'
import { forEachLimited } from './limited.ts'
import type { HistoryPage, PagedHistory } from './paged-history.ts'
import { classifyFailure } from './parking.ts'
import { toSourceEvent } from './view-events.ts'

/** A service's history: its archive, and its hub, which has what the archive does not have yet. */
export interface HistorySource {
  readonly service: string
  readonly archive: Archive
  /** A reader of its own: it can read a partition only once at a time. */
  openHub(): HubReader
}

/** How far a reader is in one service. */
interface Place {
  /** The newest segment it has read to its end. */
  readonly archive: ArchiveEnd
  /** How many items of the next segment it has read. */
  readonly items?: number
  /** The next message of each partition. Absent: the archive comes first. */
  readonly hub?: Readonly<Record<string, number>>
}

/** How many items of a segment make a page. */
const PAGE = 1_000

/** How many segments are held at once to be counted. Each has some megabytes. */
const COUNTED_AT_ONCE = 4

/**
 * Reads the history of services: first their archives, then their hubs, up to the newest message. Its only state
 * is its place. It does not know which events a follower has: the hub repeats events of the archive. A follower
 * has a cursor for each stream. It skips what is at or below it, and applies exactly the next event. If a later one
 * comes, the one between is in the archive, now or soon: see `sourceHistory`.
 */
export class SourceReader {
  readonly #sources: readonly HistorySource[]
  readonly #places: Map<string, Place>
  readonly #readsHubs: boolean
  readonly #hubs = new Map<string, HubReader>()
  #round: AsyncIterator<HistoryPage> | undefined

  /**
   * @param offset of another reader of the same services, which continues there.
   * @param readsHubs false: the archives alone, which have each event once.
   */
  constructor(sources: readonly HistorySource[], offset?: string, readsHubs = true) {
    this.#sources = sources
    this.#readsHubs = readsHubs
    this.#places = new Map(offset === undefined ? [] : readOffset(offset))
  }

  /** Where another reader can continue after the last page. */
  get offset(): string {
    return JSON.stringify([...this.#places])
  }

  /** Whether the archives have been read, so that events come from the hubs and may be repeated. */
  get isAtTail(): boolean {
    return this.#sources.every(({ service }) => this.#places.get(service)?.hub !== undefined)
  }

  /**
   * The next events. Undefined ends a round: everything that the archives and the hubs had when it began has been
   * returned. The next call begins another. After an error, the next call goes on where the last page ended.
   * @throws TidemarkError `unavailable`, `container-missing`, and those of `readArchive`
   */
  async next(): Promise<HistoryPage | undefined> {
    this.#round ??= this.#readRound()[Symbol.asyncIterator]()
    try {
      const { done, value } = await this.#round.next()
      if (!done) return value
      this.#round = undefined
      return undefined
    } catch (error) {
      this.#round = undefined
      throw error
    }
  }

  /** Ends a round that is not read to its end, and the connections to the hubs. */
  async close(): Promise<void> {
    await this.#round?.return?.()
    for (const hub of this.#hubs.values()) await hub.close()
  }

  async *#readRound(): AsyncIterable<HistoryPage> {
    for (const source of this.#sources) {
      if (this.#find(source).hub === undefined) yield* this.#readArchive(source)
    }
    if (!this.#readsHubs) return
    // From here on events may be repeated.
    for (const source of this.#sources) this.#places.set(source.service, { hub: {}, ...this.#find(source) })
    for (const source of this.#sources) yield* this.#readHub(source)
  }

  async *#readArchive(source: HistorySource): AsyncIterable<HistoryPage> {
    const { service, archive } = source
    for await (const { header, lines } of readArchive(service, archive, this.#find(source).archive)) {
      const { archive: before, items: start = 0 } = this.#find(source)
      for (let next = start; next < lines.length; next += PAGE) {
        const page = lines.slice(next, next + PAGE)
        const isLast = next + page.length === lines.length
        const { number, root } = header
        const place = isLast ? { archive: { number, root } } : { archive: before, items: next + page.length }
        this.#places.set(service, place)
        yield parsePage(service, page)
      }
    }
  }

  async *#readHub(source: HistorySource): AsyncIterable<HistoryPage> {
    const { service } = source
    const hub = this.#hubs.get(service) ?? source.openHub()
    this.#hubs.set(service, hub)
    const ends = new Map<string, { readonly first: number; readonly last: number }>()
    // Found before any is read: the events that anybody had handled by then are among these.
    for (const partition of await hub.partitions()) ends.set(partition, await hub.bounds(partition))
    for (const [partition, { first, last }] of ends) {
      const next = Math.max(first, this.#find(source).hub?.[partition] ?? first)
      if (next > last) continue
      for await (const page of hub.read(partition, next, last)) {
        const events = page.flatMap(({ body }) => readMessage(service, body))
        this.#advance(source, partition, (page.at(-1)?.sequence ?? last) + 1)
        if (events.length > 0) yield { events, items: 0 }
      }
      this.#advance(source, partition, last + 1)
    }
  }

  #find({ service }: HistorySource): Place {
    return this.#places.get(service) ?? { archive: EMPTY_ARCHIVE }
  }

  #advance(source: HistorySource, partition: string, next: number): void {
    const { archive, hub } = this.#find(source)
    this.#places.set(source.service, { archive, hub: { ...hub, [partition]: next } })
  }
}

/** How many items the archives have: commits and receipts. */
export async function countItems(sources: readonly HistorySource[]): Promise<number> {
  let items = 0
  for (const { service, archive } of sources) {
    const numbers: number[] = []
    for await (const { number } of archive.list(0)) numbers.push(number)
    await forEachLimited(numbers, COUNTED_AT_ONCE, async (number) => {
      const bytes = await archive.read(number)
      const { count } = bytes ? await decodeHeader(service, number, bytes) : { count: 0 }
      items += count
    })
  }
  return items
}

function parsePage(service: string, lines: readonly Buffer[]): HistoryPage {
  const items = lines.map((line): unknown => JSON.parse(line.toString('utf8')))
  const events = selectCommits(items).flatMap((commit) => commit.events)
  return { events: events.map((event) => toSourceEvent(service, event)), items: items.length }
}

/**
 * The history of services for those who look at the past: their streams are named with their services.
 * @param readsHubs false: the archives alone, which have each event once, but lack the last minutes.
 */
export function sourceHistories(sources: readonly HistorySource[], readsHubs = true): PagedHistory {
  return {
    count: () => countItems(sources),
    open: (offset) => new SourceReader(sources, offset, readsHubs),
  }
}

/** A message that is not an event belongs to no stream. The consumer parks it. */
function readMessage(service: string, body: unknown): readonly RecordedEvent[] {
  try {
    return [toSourceEvent(service, fromCloudEvent(body))]
  } catch (error) {
    if (classifyFailure(error).class !== 'permanent') throw error
    return []
  }
}

/** @throws TidemarkError `internal` */
function readOffset(offset: string): [string, Place][] {
  const places: unknown = JSON.parse(offset)
  if (!Array.isArray(places)) throw new TidemarkError('internal', 'the offset of a rebuild is not one of archives')
  return places
}
