import type { RecordedEvent } from '../../core/event.ts'
import type { AppendResult, CommandMark, EventHistory, EventStore, HistoryRange } from '../../core/ports.ts'

/** A log in memory, with the rules of the one in Cosmos DB: for unit and property tests of what stands on a log. */
export class MemoryEventStore implements EventStore, EventHistory {
  readonly #streams = new Map<string, RecordedEvent[]>()
  readonly #marks = new Map<string, CommandMark>()

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedEvent[]> {
    const events = this.#streams.get(stream)?.slice(after) ?? []
    if (events.length > 0) yield events
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
    this.#streams.set(first.stream, [...stored, ...structuredClone(events)])
    this.#marks.set(markKey, mark)
    return 'appended'
  }

  /** Everything in the log, streams in the order of their first event. */
  all(): RecordedEvent[] {
    return [...this.#streams.values()].flat()
  }
}
