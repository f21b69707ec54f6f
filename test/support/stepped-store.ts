import type { RecordedEvent } from '../../src/core/event.ts'
import type { AppendResult, CommandMark, EventHistory, EventStore, HistoryRange } from '../../src/core/ports.ts'

/**
 * A log seen by one instance: every call waits for its turn before it takes effect and again before its answer arrives, so that whoever
 * gives the turns decides how instances interleave, and where one dies.
 */
export class SteppedStore implements EventStore, EventHistory {
  readonly #inner: EventStore & EventHistory
  readonly #turn: () => Promise<void>

  /** @param turn throws where the instance is dead. */
  constructor(inner: EventStore & EventHistory, turn: () => Promise<void>) {
    this.#inner = inner
    this.#turn = turn
  }

  async *read(stream: string, after: number): AsyncIterable<readonly RecordedEvent[]> {
    await this.#turn()
    yield* this.#inner.read(stream, after)
  }

  readEvent(stream: string, version: number): Promise<RecordedEvent | undefined> {
    return this.#between(() => this.#inner.readEvent(stream, version))
  }

  readRange(stream: string, range: HistoryRange): Promise<readonly RecordedEvent[]> {
    return this.#between(() => this.#inner.readRange(stream, range))
  }

  readMark(stream: string, key: string): Promise<CommandMark | undefined> {
    return this.#between(() => this.#inner.readMark(stream, key))
  }

  append(events: readonly RecordedEvent[], mark: CommandMark): Promise<AppendResult> {
    return this.#between(() => this.#inner.append(events, mark))
  }

  async #between<Value>(call: () => Promise<Value>): Promise<Value> {
    await this.#turn()
    const value = await call()
    await this.#turn()
    return value
  }
}
