import type { RecordedEvent } from '../../core/event.ts'
import type {
  AppendResult,
  CommandMark,
  EventFeed,
  EventFeedReader,
  EventHistory,
  EventStore,
  HistoryRange,
} from '../../core/ports.ts'

const FEED_PAGE = 3

/** A log in memory, with the rules of the one in Cosmos DB: for unit and property tests of what stands on a log. */
export class MemoryEventStore implements EventStore, EventHistory, EventFeed {
  readonly #streams = new Map<string, RecordedEvent[]>()
  readonly #marks = new Map<string, CommandMark>()
  readonly #inOrder: RecordedEvent[] = []

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedEvent[]> {
    const events = this.#streams.get(stream)?.slice(after) ?? []
    if (events.length > 0) yield events
  }

  async readEvent(stream: string, version: number): Promise<RecordedEvent | undefined> {
    return this.#streams.get(stream)?.[version - 1]
  }

  async readRange(stream: string, { direction, after, limit }: HistoryRange): Promise<readonly RecordedEvent[]> {
    const events = this.#streams.get(stream) ?? []
    const read = direction === 'forward' ? events : events.toReversed()
    const left = read.filter(({ version }) =>
      after === undefined ? true : direction === 'forward' ? version > after : version < after,
    )
    return left.slice(0, limit)
  }

  async readMark(stream: string, key: string): Promise<CommandMark | undefined> {
    return this.#marks.get(JSON.stringify([stream, key]))
  }

  async append(events: readonly RecordedEvent[], mark: CommandMark): Promise<AppendResult> {
    const [first] = events
    if (first === undefined) throw new Error('an append has at least one event')
    const stored = this.#streams.get(first.stream) ?? []
    const markKey = JSON.stringify([first.stream, mark.key])
    if (first.version - 1 > stored.length) return 'missing'
    if (first.version <= stored.length || this.#marks.has(markKey)) return 'conflict'
    const appended = structuredClone(events)
    this.#streams.set(first.stream, [...stored, ...appended])
    this.#inOrder.push(...appended)
    this.#marks.set(markKey, mark)
    return 'appended'
  }

  /** Everything in the log, in the order of the appends. */
  all(): readonly RecordedEvent[] {
    return this.#inOrder
  }

  async count(): Promise<number> {
    return this.#inOrder.length
  }

  /** Small pages: what comes in parts should come in parts in tests too. */
  open(): EventFeedReader {
    const events = this.#inOrder
    let next = 0
    let end: number | undefined
    return {
      async next() {
        end ??= events.length
        const page = events.slice(next, Math.min(next + FEED_PAGE, end))
        next += page.length
        if (page.length > 0) return page
        end = undefined
        return undefined
      },
    }
  }
}
