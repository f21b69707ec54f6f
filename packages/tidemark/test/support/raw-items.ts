import { type LogItem, toLogItem } from '../../core/commit.ts'
import type { DomainEvent, RecordedEvent } from '../../core/event.ts'
import { recorded } from './recorded.ts'

/** A commit or a receipt as the log's container has it. */
export { toLogItem as rawItemOf }

/** Items of a log as commands write them that append one event each. */
export function rawItemsOf(events: readonly RecordedEvent[]): LogItem[] {
  return events.map((event) => toLogItem({ stream: event.stream, key: event.id, fingerprint: '', events: [event] }))
}

/** The same of a new stream. */
export function recordedItems(stream: string, ...events: readonly DomainEvent[]): LogItem[] {
  return rawItemsOf(recorded(stream, ...events))
}
