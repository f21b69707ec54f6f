import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { EventFeed } from '../core/ports.ts'
import { formatPosition, type Position } from '../core/stream.ts'

/** Events, those of each stream in order. */
export interface HistoryPage {
  readonly events: readonly RecordedEvent[]
  /** How many items of the log or the archive were read for them. A message of a hub is no item. */
  readonly items: number
}

/** Reads a history page by page. Connections end with `close`. */
export interface HistoryPages {
  /** As `EventFeedReader.next`. */
  next(): Promise<HistoryPage | undefined>
  readonly offset: string | undefined
  close(): Promise<void>
}

/** What somebody who looks at the past of a view reads: the own log, or the histories of other services. */
export interface PagedHistory {
  /** The number of items. */
  count(): Promise<number>
  /** @param offset of another reader, which continues there. Events may come again, as the reader's follower knows. */
  open(offset?: string, once?: true): HistoryPages
}

/** The own log. With `once` it refuses an offset after which commits would come again. */
export function pagedLog(feed: EventFeed): PagedHistory {
  return {
    count: () => feed.count(),
    open(offset, once) {
      const reader = feed.open({ ...(offset === undefined ? {} : { offset }), ...(offset && once ? { once } : {}) })
      return {
        async next() {
          const commits = await reader.next()
          return commits && { events: commits.flatMap(({ events }) => events), items: commits.length }
        },
        get offset() {
          return reader.offset
        },
        close: async () => {},
      }
    },
  }
}

/**
 * The last version of each stream, to skip events that come again: the hubs of services have what their archives
 * have too.
 */
export class SeenStreams {
  readonly #versions: Map<string, number>

  constructor(versions: Readonly<Record<string, number>> = {}) {
    this.#versions = new Map(Object.entries(versions))
  }

  get versions(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#versions)
  }

  /**
   * Whether an event of a stream is new. A stream that was never noted is new.
   * @throws TidemarkError `unavailable` if events between are in neither a hub nor an archive yet.
   */
  isNew({ stream, version }: RecordedEvent): boolean {
    const before = this.#versions.get(stream)
    if (before === undefined || version === before + 1) return true
    if (version <= before) return false
    throw notThereYet({ stream, version }, before)
  }

  /** Notes an event, and from then on all of its stream. */
  note({ stream, version }: RecordedEvent): void {
    this.#versions.set(stream, version)
  }

  has(stream: string): boolean {
    return this.#versions.has(stream)
  }
}

/** Events of another service are lost for now: its hub has dropped them before they were archived. */
export function notThereYet(position: Position, before: number): TidemarkError {
  return new TidemarkError(
    'unavailable',
    `${formatPosition(position)} came after version ${before}: ` +
      'what is between is not in the hub any more, and not in the archive yet',
  )
}
