import type { EventFeed, EventPublisher } from '../core/ports.ts'
import { publishCommits } from './relay.ts'

interface RepublishDependencies {
  readonly feed: EventFeed
  readonly publisher: EventPublisher
}

/** Publishes a service's log again, independently of its relay. */
export interface RepublishPort {
  republish(since: string | undefined, published: (events: number) => void): Promise<number>
}

/**
 * Publishes everything again that is in the log at the start, each stream in order. Consumers drop events
 * that they have already handled. The relay may publish newer events first; a consumer that lacks the earlier
 * ones handles those when they arrive.
 * @param since RFC 3339: only commits written then or later. Default: all.
 * @param published receives the number of events published so far.
 * @returns the number of events published.
 * @throws TidemarkError `unavailable`, `hash-mismatch`. Events published before the error stay published.
 */
export async function republish(
  { feed, publisher }: RepublishDependencies,
  since: string | undefined,
  published: (events: number) => void,
): Promise<number> {
  const reader = feed.open(since === undefined ? {} : { since })
  let events = 0
  for (let page = await reader.next(); page; page = await reader.next()) {
    await publishCommits(publisher, page)
    events += page.reduce((sum, commit) => sum + commit.events.length, 0)
    published(events)
  }
  return events
}
