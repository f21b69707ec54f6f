import type { RecordedEvent } from '../core/event.ts'
import { parseSourceStream } from '../core/stream.ts'
import { sourceHistory } from './archive-search.ts'
import { type HistorySource, SourceReader } from './source-reader.ts'
import { findUnseenEvents } from './unseen-events.ts'
import { fromSourceEvent } from './view-events.ts'

/** Reads the history of one service, each event once. */
export interface HistoryReader {
  /**
   * The next events, at least one; those of each stream in order. Undefined: everything has been read that the
   * archive and the hub had. A later call continues with newer events.
   * @throws TidemarkError `gap-unfilled` if neither the archive nor the hub has an event yet: call again, and
   *   `archiveSeconds` later the archive has it. `fork-detected`, `unavailable`, and those of `openArchive`.
   */
  next(): Promise<readonly RecordedEvent[] | undefined>
  /** Where another reader can continue. */
  readonly offset: string
  /** Ends the connections. */
  close(): Promise<void>
}

/**
 * @param passed the version up to which the caller has a stream, 0 if it has nothing. It is the only memory of
 *   what was read, so the caller stores it with the effect of each page, before it asks for the next.
 */
export function followHistory(
  source: HistorySource,
  passed: (stream: string) => number | Promise<number>,
  offset?: string,
): HistoryReader {
  const { archive } = source
  const reader = new SourceReader([source], offset)
  const history = sourceHistory(() => archive)
  /** Read and not yet returned: a gap in them must be filled first. */
  let pending: readonly RecordedEvent[] | undefined
  const findNew = async (events: readonly RecordedEvent[]): Promise<readonly RecordedEvent[]> => {
    const found: RecordedEvent[] = []
    for (const [stream, its] of Map.groupBy(events, (event) => event.stream)) {
      const after = await passed(parseSourceStream(stream).stream)
      found.push(...(await findUnseenEvents(history, { stream, after, seen: [] }, its)))
    }
    return found.map(fromSourceEvent)
  }
  return {
    async next() {
      for (;;) {
        pending ??= (await reader.next())?.events
        if (pending === undefined) return undefined
        const events = await findNew(pending)
        pending = undefined
        if (events.length > 0) return events
      }
    },
    get offset() {
      return reader.offset
    },
    close: () => reader.close(),
  }
}
