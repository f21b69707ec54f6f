import type { RecordedCommit } from '../core/commit.ts'
import { TidemarkError } from '../core/errors.ts'
import { hashFits } from '../core/hash-chain.ts'
import type { EventPublisher } from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import { forEachLimited } from './limited.ts'

const STREAMS_AT_ONCE = 32

/**
 * Publishes the commits that the log's change feed shows: the transactional outbox. One stream's events go out in their order and awaited,
 * streams side by side. It may publish an event twice (the feed is at-least-once), but never a later one of a stream before an earlier
 * one: a failure throws, and the trigger brings the whole batch again.
 * @param commits in the order of their streams' versions.
 * @throws TidemarkError `hash-mismatch` for an event that is not what was recorded.
 */
export async function relay(publisher: EventPublisher, commits: readonly RecordedCommit[]): Promise<void> {
  const events = commits.flatMap((commit) => commit.events)
  for (const event of events)
    if (!hashFits(event))
      throw new TidemarkError(
        'hash-mismatch',
        `${formatPosition(event)} is not what its hash says, in the log too: npm run verify tells more`,
      )
  await forEachLimited(
    Map.groupBy(events, ({ stream }) => stream),
    STREAMS_AT_ONCE,
    ([stream, itsEvents]) => publisher.publish(stream, itsEvents),
  )
}
