import { TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { hashFits } from '../core/hash-chain.ts'
import type { EventHistory, EventPublisher } from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import { forEachLimited } from './limited.ts'

const STREAMS_AT_ONCE = 32
const READS_AT_ONCE = 32

export interface RelayDependencies {
  readonly publisher: EventPublisher
  /** The log that the feed shows. */
  readonly log: Pick<EventHistory, 'readEvent'>
}

/**
 * Publishes what the log's change feed shows, as the log keeps it: the transactional outbox. One stream's events go out in their order
 * and awaited, streams side by side. It may publish an event twice (the feed is at-least-once), but never a later one of a stream
 * before an earlier one: a failure throws, and the trigger brings the whole batch again.
 * @param events as the trigger shows them. The Functions host passes items through Json.NET, which rewrites text that looks like a date
 *   (https://github.com/Azure/azure-webjobs-sdk-extensions/issues/898); such an event is read again from the log.
 * @throws TidemarkError `hash-mismatch` for an event that the log itself does not keep as it was written.
 */
export async function relay({ publisher, log }: RelayDependencies, events: readonly RecordedEvent[]): Promise<void> {
  const recorded = await asRecorded(log, events)
  const streams = Map.groupBy(recorded, (event) => event.stream)
  await forEachLimited(streams, STREAMS_AT_ONCE, ([stream, itsEvents]) =>
    publisher.publish(
      stream,
      // Items of one transaction share their place in the feed: only the version orders them.
      itsEvents.toSorted((a, b) => a.version - b.version),
    ),
  )
}

async function asRecorded(
  log: Pick<EventHistory, 'readEvent'>,
  events: readonly RecordedEvent[],
): Promise<readonly RecordedEvent[]> {
  const recorded = [...events]
  const changed = events.entries().filter(([, event]) => !hashFits(event))
  await forEachLimited(changed, READS_AT_ONCE, async ([index, { stream, version }]) => {
    const event = await log.readEvent(stream, version)
    if (event === undefined || !hashFits(event))
      throw new TidemarkError(
        'hash-mismatch',
        `${formatPosition({ stream, version })} is not what its hash says, in the log too: npm run verify tells more`,
      )
    recorded[index] = event
  })
  return recorded
}
