import type { AnyDecider } from '../../core/decider.ts'
import type { DomainEvent } from '../../core/event.ts'
import { checkWritten } from '../../core/schema.ts'
import { type Service, toldOf } from '../../core/service.ts'

/** What an event is recorded as: its content in the newest version, and what other services read of it, if anything. */
export function writtenBy(service: Service, decider: Pick<AnyDecider, 'events'>, event: DomainEvent) {
  const told = toldOf(service, event)
  const tellable = service.publishes.map(({ published }) => published)
  return { ...checkWritten(decider.events, event), ...(told ? { published: checkWritten(tellable, told) } : {}) }
}
