import type { EventFeed, EventPublisher } from '../core/ports.ts'
import { publishCommits } from './relay.ts'

export interface RepublishDependencies {
  readonly feed: EventFeed
  readonly publisher: EventPublisher
}

/** Publishes a service's log again, beside its relay. */
export interface RepublishPort {
  republish(since: string | undefined, published: (events: number) => void): Promise<number>
}

/**
 * Publishes what is in the log again, each stream in its order, until all is published that was there when
 * this began. Consumers drop what they have handled. What the relay sends meanwhile may come before it:
 * whoever lacks the events before handles these when they come.
 * @param since RFC 3339: of commits written then or later. Absent: of all.
 * @param published hears how many events are published so far.
 * @returns how many events it published.
 * @throws TidemarkError `unavailable`, `hash-mismatch`: what was published until then is published.
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
