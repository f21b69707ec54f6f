import type { CommandRequest } from '../../src/core/command.ts'
import type { Command } from '../../src/core/decider.ts'
import { TidemarkError } from '../../src/core/errors.ts'
import type { RecordedEvent } from '../../src/core/event.ts'
import type { AppendResult, Clock, CommandMark, EventStore } from '../../src/core/ports.ts'

/** A clock that stands still but when somebody waits. */
export class ManualClock implements Clock {
  #milliseconds = Date.UTC(2026, 0, 1)
  now(): string {
    return new Date(this.#milliseconds).toISOString()
  }
  elapsed(): number {
    return this.#milliseconds
  }
  async wait(milliseconds: number): Promise<void> {
    this.#milliseconds += milliseconds
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** A store in front of another, whose next appends go wrong in ways that a network brings about. */
export class UnreliableStore implements EventStore {
  readonly #inner: EventStore
  /** What happens to the appends to come: `lost` never arrives, `unanswered` takes effect and nobody hears of it. */
  readonly faults: ('lost' | 'unanswered')[] = []
  appends = 0
  reads = 0

  constructor(inner: EventStore) {
    this.#inner = inner
  }

  read(stream: string, after: number): AsyncIterable<readonly RecordedEvent[]> {
    this.reads += 1
    return this.#inner.read(stream, after)
  }

  readMark(stream: string, key: string): Promise<CommandMark | undefined> {
    return this.#inner.readMark(stream, key)
  }

  async append(events: readonly RecordedEvent[], mark: CommandMark): Promise<AppendResult> {
    this.appends += 1
    const fault = this.faults.shift()
    if (fault === undefined) return this.#inner.append(events, mark)
    if (fault === 'unanswered') await this.#inner.append(events, mark)
    throw new TidemarkError('outcome-unknown', 'the connection was reset')
  }
}

export function request(key: string, command: Command, expectedVersion?: number, stream = 'order-1'): CommandRequest {
  return {
    stream,
    key,
    command,
    metadata: { actor: 'tester', correlation: 'c', causation: `command:${key}` },
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  }
}

export async function everyEvent(store: EventStore, stream = 'order-1'): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const page of store.read(stream, 0)) events.push(...page)
  return events
}
