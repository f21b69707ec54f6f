import type { HistoryRange, KeyOutcome, LogEntry, RecordedCommit } from '../../core/commit.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { LogHead } from '../../core/hash-chain.ts'
import type { AppendResult, EventHistory, EventStore } from '../../core/ports.ts'

/**
 * A log as one instance uses it. Every call waits for a turn before it takes effect, and again before its
 * answer. So the caller decides how instances interleave, and where one dies.
 */
export class SteppedStore implements EventStore, EventHistory {
  readonly #inner: EventStore & EventHistory
  readonly #turn: () => Promise<void>
  readonly limits: EventStore['limits']

  /** @param turn throws if the instance is dead. */
  constructor(inner: EventStore & EventHistory, turn: () => Promise<void>) {
    this.#inner = inner
    this.limits = inner.limits
    this.#turn = turn
  }

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]> {
    await this.#turn()
    yield* this.#inner.read(stream, after)
  }

  readRange(stream: string, range: HistoryRange): Promise<readonly RecordedEvent[]> {
    return this.#between(() => this.#inner.readRange(stream, range))
  }

  findOutcome(stream: string, key: string): Promise<KeyOutcome | undefined> {
    return this.#between(() => this.#inner.findOutcome(stream, key))
  }

  append(after: LogHead, entries: readonly LogEntry[]): Promise<AppendResult> {
    return this.#between(() => this.#inner.append(after, entries))
  }

  async #between<Value>(call: () => Promise<Value>): Promise<Value> {
    await this.#turn()
    const value = await call()
    await this.#turn()
    return value
  }
}
