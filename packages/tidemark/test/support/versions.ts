import type { AnyDecider } from '../../core/decider.ts'
import type { DomainEvent } from '../../core/event.ts'
import { checkWritten } from '../../core/schema.ts'
import { type Service, toPublicEvent } from '../../core/service.ts'

/** What an event is recorded as: its content in the newest version, and what other services read of it, if anything. */
export function writtenBy(service: Service, decider: Pick<AnyDecider, 'events'>, event: DomainEvent) {
  const publicEvent = toPublicEvent(service, event)
  const tellable = service.publishes.map(({ publicEvent: published }) => published)
  return {
    ...checkWritten(decider.events, event),
    ...(publicEvent ? { published: checkWritten(tellable, publicEvent) } : {}),
  }
}
