import type { AnyDecider } from '../../core/decider.ts'
import type { DomainEvent } from '../../core/event.ts'
import { checkWritten } from '../../core/schema.ts'
import { type Service, toPublicEvent } from '../../core/service.ts'

/** The versions in which an event is recorded: of the private event, and of the public event if there is one. */
export function writtenBy(service: Service, decider: Pick<AnyDecider, 'events'>, event: DomainEvent) {
  const publicEvent = toPublicEvent(service, event)
  const publicTypes = service.publishes.map((publication) => publication.publicEvent)
  return {
    ...checkWritten(decider.events, event),
    ...(publicEvent ? { published: checkWritten(publicTypes, publicEvent) } : {}),
  }
}
