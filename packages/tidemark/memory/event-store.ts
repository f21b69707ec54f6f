import {
  type HistoryRange,
  hashKey,
  isCommit,
  type KeyOutcome,
  type LogEntry,
  type LogItem,
  parseCommit,
  parseOutcome,
  type RecordedCommit,
  sliceEvents,
  toLogItem,
} from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { LogHead } from '../core/hash-chain.ts'
import type { AppendResult, EventFeed, EventFeedReader, EventHistory, EventStore, FeedStart } from '../core/ports.ts'
import { LIMITS } from './limits.ts'

const FEED_PAGE = 3
const READ_PAGE = 10

/** A stream of the log. */
interface Stream {
  readonly commits: RecordedCommit[]
  readonly byFrom: Map<number, RecordedCommit>
  readonly outcomes: Map<string, KeyOutcome>
}

/** An in-memory log with the rules and the encoding of the one in Cosmos DB. For tests. */
export class MemoryEventStore implements EventStore, EventHistory, EventFeed {
  readonly limits = LIMITS
  readonly #streams = new Map<string, Stream>()
  readonly #inOrder: RecordedCommit[] = []
  readonly #appends: (readonly LogItem[])[] = []

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]> {
    const left = this.#listCommits(stream).filter((commit) => commit.to > after)
    for (let start = 0; start < left.length; start += READ_PAGE) yield left.slice(start, start + READ_PAGE)
  }

  async readRange(stream: string, { direction, after, limit }: HistoryRange): Promise<readonly RecordedEvent[]> {
    const last = after ?? (direction === 'forward' ? 0 : Number.MAX_SAFE_INTEGER)
    return sliceEvents(this.#listCommits(stream), { direction, after: last, limit })
  }

  async findOutcome(stream: string, key: string): Promise<KeyOutcome | undefined> {
    return this.#streams.get(stream)?.outcomes.get(hashKey(key))
  }

  async append(after: LogHead, entries: readonly LogEntry[]): Promise<AppendResult> {
    const [first] = entries
    if (first === undefined) throw new TidemarkError('internal', 'an append has at least one entry')
    if (entries.length > LIMITS.entries)
      throw new TidemarkError('internal', `an append has at most ${LIMITS.entries} entries`)
    const stream: Stream = this.#streams.get(first.stream) ?? { commits: [], byFrom: new Map(), outcomes: new Map() }
    const read = after.version > 0 && entries.some(isCommit)
    const before = stream.byFrom.get(after.commit)
    if (read && before === undefined) return { outcome: 'missing' }

    const items: LogItem[] = []
    const added: RecordedCommit[] = []
    const outcomes = new Map<string, KeyOutcome>()
    const versions = new Set<number>()
    for (const [index, entry] of entries.entries()) {
      const item: LogItem = JSON.parse(JSON.stringify(toLogItem(entry)))
      const commit = parseCommit(item)
      const versionIsThere = commit !== undefined && (stream.byFrom.has(commit.from) || versions.has(commit.from))
      if (versionIsThere || stream.outcomes.has(item.key) || outcomes.has(item.key))
        return { outcome: 'conflict', index }
      items.push(item)
      outcomes.set(item.key, parseOutcome(item))
      if (commit === undefined) continue
      versions.add(commit.from)
      added.push(commit)
    }
    for (const [key, outcome] of outcomes) stream.outcomes.set(key, outcome)
    for (const commit of added) stream.byFrom.set(commit.from, commit)
    stream.commits.push(...added)
    this.#streams.set(first.stream, stream)
    this.#inOrder.push(...added)
    this.#appends.push(items)
    if (read && (before?.to !== after.version || before.events.at(-1)?.hash !== after.hash))
      throw new TidemarkError('chain-broken', `${first.stream} has another head than the decision was based on`)
    return { outcome: 'appended' }
  }

  /** All events, in the order they were appended. */
  all(): readonly RecordedEvent[] {
    return this.#inOrder.flatMap(({ events }) => events)
  }

  /** All commits, in the order they were appended. */
  get commits(): readonly RecordedCommit[] {
    return this.#inOrder
  }

  /** The items of each append, in order. A change feed never splits an append. */
  get appends(): readonly (readonly LogItem[])[] {
    return this.#appends
  }

  async count(): Promise<number> {
    return this.#inOrder.length
  }

  /** Returns small pages, so that tests exercise paging. */
  open({ since = '', offset }: FeedStart = {}): EventFeedReader {
    const commits = this.#inOrder
    let next =
      offset === undefined ? commits.findIndex(({ events }) => (events[0]?.time ?? '') >= since) : Number(offset)
    if (next === -1) next = commits.length
    let end: number | undefined
    return {
      get offset() {
        return String(next)
      },
      async next() {
        end ??= commits.length
        const page = commits.slice(next, Math.min(next + FEED_PAGE, end))
        next += page.length
        if (page.length > 0) return page
        end = undefined
        return undefined
      },
    }
  }

  #listCommits(stream: string): readonly RecordedCommit[] {
    return this.#streams.get(stream)?.commits ?? []
  }
}
