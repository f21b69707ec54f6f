import type { CommandRequest, Receipts } from '../../core/command.ts'
import type { KeyOutcome, LogEntry, RecordedCommit } from '../../core/commit.ts'
import type { Command } from '../../core/decider.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { LogHead } from '../../core/hash-chain.ts'
import type { AppendResult, Clock, EventStore } from '../../core/ports.ts'

/** A clock that only advances by what is waited for. */
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

/** Wraps a store and lets its next appends fail as on a network. */
export class UnreliableStore implements EventStore {
  readonly #inner: EventStore
  readonly limits: EventStore['limits']
  /** The faults of the next appends: `lost` never arrives, `unanswered` takes effect but its answer is lost. */
  readonly faults: ('lost' | 'unanswered')[] = []
  appends = 0
  reads = 0
  lookups = 0
  /** The largest number of entries in one append. */
  largest = 0

  constructor(inner: EventStore) {
    this.#inner = inner
    this.limits = inner.limits
  }

  read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]> {
    this.reads += 1
    return this.#inner.read(stream, after)
  }

  findOutcome(stream: string, key: string): Promise<KeyOutcome | undefined> {
    this.lookups += 1
    return this.#inner.findOutcome(stream, key)
  }

  async append(after: LogHead, entries: readonly LogEntry[]): Promise<AppendResult> {
    this.appends += 1
    this.largest = Math.max(this.largest, entries.length)
    const fault = this.faults.shift()
    if (fault === undefined) return this.#inner.append(after, entries)
    if (fault === 'unanswered') await this.#inner.append(after, entries)
    throw new TidemarkError('outcome-unknown', 'the connection was reset')
  }
}

/** What differs from a client's usual command. */
interface RequestOptions {
  readonly stream?: string
  readonly expectedVersion?: number | undefined
  readonly receipts?: Receipts
}

export function request(
  key: string,
  command: Command,
  { stream = 'order-1', expectedVersion, receipts = 'unchanged' }: RequestOptions = {},
): CommandRequest {
  return {
    stream,
    key,
    receipts,
    command,
    metadata: { actor: 'tester', correlation: 'c', causation: `command:${key}` },
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  }
}

export async function everyEvent(store: EventStore, stream = 'order-1'): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for await (const page of store.read(stream, 0)) events.push(...page.flatMap((commit) => commit.events))
  return events
}
