import { toCloudEvent } from '../core/cloud-event.ts'
import type { CommandMetadata } from '../core/command.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import { type DomainEvent, eventId, type RecordedEvent } from '../core/event.ts'
import { hashOf } from '../core/hash-chain.ts'
import { MAX_NESTING, nestsTooDeep } from '../core/nesting.ts'
import { MAX_EVENTS } from '../core/ports.ts'
import { checkWritten } from '../core/schema.ts'
import { type Service, sourceOf, toldOf } from '../core/service.ts'
import type { Folded } from './fold.ts'

/** What Cosmos DB takes in one batch, 2 MB, less what the operations around the items take. */
const MAX_DECISION_BYTES = 2 * 1024 * 1024 - 64 * 1024

/**
 * The largest event that is taken: a message of Event Hubs' Standard tier, 1 MB, less what AMQP puts around it.
 * https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas
 */
export const MAX_EVENT_BYTES = 1024 * 1024 - 16 * 1024

/**
 * The time of a decision and of its events: never before the stream's last event, since the clocks of two instances differ; nor before a time
 * that is known to have come. RFC 3339, UTC, milliseconds.
 */
export function decisionTime(now: string, after: Pick<Folded, 'time'>, notBefore = ''): string {
  return [now, after.time, notBefore].reduce((latest, time) => (time > latest ? time : latest))
}

/**
 * Makes decided events into recorded ones: schema-checked, numbered, dated, chained, and none so large that it could be appended
 * but not sent.
 * @throws TidemarkError `event-invalid`, `event-too-large`, `decision-too-large`
 */
export function record(
  service: Pick<Service, 'name' | 'publishes'>,
  decider: Pick<AnyDecider, 'category' | 'events'>,
  stream: string,
  after: Folded,
  events: readonly DomainEvent[],
  metadata: CommandMetadata,
  now: string,
): RecordedEvent[] {
  if (events.length > MAX_EVENTS)
    throw new TidemarkError(
      'decision-too-large',
      `a command may append ${MAX_EVENTS} events, this one ${events.length}`,
    )
  const time = decisionTime(now, after)
  let { version, hash: previousHash } = after.tip
  let bytes = 0
  const tellable = service.publishes.map((publication) => publication.published)
  return events.map((event) => {
    version += 1
    const told = toldOf(service, event)
    const unhashed = {
      id: eventId(version),
      stream,
      version,
      ...checkWritten(decider.events, event),
      source: sourceOf(service.name, decider.category),
      time,
      ...(told ? { published: checkWritten(tellable, told) } : {}),
      ...metadata,
      previousHash,
    }
    if (nestsTooDeep(event.data) || nestsTooDeep(told?.data))
      throw new TidemarkError('event-too-large', `${event.type} nests more than ${MAX_NESTING} arrays and objects`)
    const recorded = { ...unhashed, hash: hashOf(unhashed) }
    previousHash = recorded.hash
    const size = Buffer.byteLength(JSON.stringify(toCloudEvent(recorded)))
    if (size > MAX_EVENT_BYTES)
      throw new TidemarkError('event-too-large', `${event.type} has ${size} bytes, the hub takes ${MAX_EVENT_BYTES}`)
    bytes += size
    if (bytes > MAX_DECISION_BYTES)
      throw new TidemarkError('decision-too-large', `a command may append ${MAX_DECISION_BYTES} bytes at once`)
    return recorded
  })
}
