import type { RecordedEvent } from '../core/event.ts'
import type { EventPublisher } from '../core/ports.ts'
import { forEachLimited } from './limited.ts'

const STREAMS_AT_ONCE = 32

/**
 * Publishes what the log's change feed shows. One stream's events go out in their order and awaited, streams side by side. It may
 * publish an event twice (the feed is at-least-once), but never a later one of a stream before an earlier one: a failure throws, and
 * the trigger brings the whole batch again.
 */
export async function relay(publisher: EventPublisher, events: readonly RecordedEvent[]): Promise<void> {
  const streams = Map.groupBy(events, (event) => event.stream)
  await forEachLimited(streams, STREAMS_AT_ONCE, ([stream, itsEvents]) =>
    publisher.publish(
      stream,
      // Items of one transaction share their place in the feed: only the version orders them.
      itsEvents.toSorted((a, b) => a.version - b.version),
    ),
  )
}
