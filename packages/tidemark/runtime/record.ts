import { toCloudEvent } from '../core/cloud-event.ts'
import type { CommandMetadata } from '../core/command.ts'
import { type Commit, toLogItem } from '../core/commit.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import { type DomainEvent, eventId, type RecordedEvent } from '../core/event.ts'
import { type StreamHead, seal } from '../core/hash-chain.ts'
import { type LogLimits, MAX_EVENTS } from '../core/ports.ts'
import { checkWritten } from '../core/schema.ts'
import { formatSource, type Service, toPublicEvent } from '../core/service.ts'

/** The names of fields and attributes, and what is derived from others, have less. */
const NAMES_BYTES = 4 * 1024

/** Whose events are recorded, and where. */
export interface Recorder {
  readonly service: Pick<Service, 'name' | 'publishes'>
  readonly decider: Pick<AnyDecider, 'category' | 'events'>
  readonly stream: string
  /** Of the log that they are recorded in. */
  readonly limits: LogLimits
}

/** The stream before: its head, and when its last event was recorded. */
export interface Before {
  readonly head: StreamHead
  readonly time: string
}

/**
 * The time of a decision and of its events: never before the stream's last event, since the clocks of two
 * instances differ; nor before a time that is known to have come. RFC 3339, UTC, milliseconds.
 */
export function decisionTime(now: string, before: Pick<Before, 'time'>, notBefore = ''): string {
  return [now, before.time, notBefore].reduce((latest, time) => (time > latest ? time : latest))
}

/**
 * Makes decided events into recorded ones: of what JSON keeps and their schemas name, numbered, dated,
 * chained, and none so large that it could be appended but not sent.
 * @returns the events, and the most bytes that their commit can have.
 * @throws TidemarkError `event-invalid`, `event-too-large`, `decision-too-large`
 */
export function record(
  { service, decider, stream, limits }: Recorder,
  before: Before,
  events: readonly DomainEvent[],
  metadata: CommandMetadata,
  now: string,
): { readonly events: readonly RecordedEvent[]; readonly bytes: number } {
  if (events.length > MAX_EVENTS)
    throw new TidemarkError(
      'decision-too-large',
      `a command may append ${MAX_EVENTS} events, this one ${events.length}`,
    )
  const time = decisionTime(now, before)
  const source = formatSource(service.name, decider.category)
  const publicTypes = service.publishes.map((publication) => publication.publicEvent)
  let { version, hash: previousHash } = before.head
  let bytes = NAMES_BYTES
  const recorded = events.map((event) => {
    version += 1
    const content = checkWritten(decider.events, event)
    const publicEvent = toPublicEvent(service, content)
    const sealed = seal({
      id: eventId(version),
      stream,
      version,
      ...content,
      source,
      time,
      ...(publicEvent ? { published: checkWritten(publicTypes, publicEvent) } : {}),
      ...metadata,
      previousHash,
    })
    previousHash = sealed.event.hash
    const size = maxTextBytes(sealed.bytes)
    if (size > limits.eventBytes) checkSendable(sealed.event, limits)
    bytes += size
    return sealed.event
  })
  return { events: recorded, bytes }
}

/**
 * The most bytes that JSON has as a text within JSON, with the names around it: its quotes and backslashes
 * are escaped, nothing else is.
 */
function maxTextBytes(bytes: number): number {
  return 2 * bytes + NAMES_BYTES
}

/** @throws TidemarkError `event-too-large` */
function checkSendable(event: RecordedEvent, { eventBytes }: LogLimits): void {
  const size = Buffer.byteLength(JSON.stringify(toCloudEvent(event)))
  if (size > eventBytes)
    throw new TidemarkError('event-too-large', `${event.type} has ${size} bytes, the hub takes ${eventBytes}`)
}

/**
 * How many bytes a commit has, where the most that it can have is too much.
 * @throws TidemarkError `decision-too-large`
 */
export function checkWritable(commit: Commit, atMost: number, { bytes }: LogLimits): number {
  if (atMost <= bytes) return atMost
  const size = Buffer.byteLength(JSON.stringify(toLogItem(commit)))
  if (size <= bytes) return size
  throw new TidemarkError('decision-too-large', `a command may append ${bytes} bytes at once, not ${size}`)
}
