import { toCloudEvent } from '../core/cloud-event.ts'
import type { CommandMetadata } from '../core/command.ts'
import { type Commit, toLogItem } from '../core/commit.ts'
import type { AnyDecider } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import { type DomainEvent, type EventContent, type EventType, eventId, type RecordedEvent } from '../core/event.ts'
import { hideTexts } from '../core/event-reader.ts'
import { type StreamHead, seal } from '../core/hash-chain.ts'
import { listPersonalFields, mapPersonal, type PersonalKey, sealText } from '../core/personal.ts'
import { type LogLimits, MAX_EVENTS } from '../core/ports.ts'
import { checkWritten } from '../core/schema.ts'
import { formatSource, type Service, toPublicEvent } from '../core/service.ts'
import { formatPosition, type Position } from '../core/stream.ts'

/** Upper bound for the names of fields and attributes, and for derived values. */
const NAMES_BYTES = 4 * 1024

/** The decider and stream whose events are recorded. */
export interface Recorder {
  readonly service: Pick<Service, 'name' | 'publishes'>
  readonly decider: Pick<AnyDecider, 'category' | 'events'>
  readonly stream: string
  /** The limits of the log. */
  readonly limits: LogLimits
}

/** The stream head before the events, and the time of its last event. */
interface Before {
  readonly head: StreamHead
  readonly time: string
}

/** What a command decided. */
interface DecidedEvents {
  readonly events: readonly DomainEvent[]
  /** The metadata of the command. */
  readonly metadata: CommandMetadata
  /** The time of the decision. */
  readonly now: string
  /** For each event, the key of its subject. Absent: they are not stored, so nothing is sealed. */
  readonly keys?: readonly (PersonalKey | undefined)[]
}

/** Recorded events, with an upper bound of their commit's bytes. */
interface Recording {
  readonly events: readonly RecordedEvent[]
  /** The same events with their personal texts, as the decider reads them. */
  readonly opened: readonly RecordedEvent[]
  readonly bytes: number
}

/**
 * The time of a decision and its events. Never before the stream's last event, because the clocks of two
 * instances differ, and never before `notBefore`. RFC 3339, UTC, milliseconds.
 */
export function decisionTime(now: string, before: Pick<Before, 'time'>, notBefore = ''): string {
  return [now, before.time, notBefore].reduce((latest, time) => (time > latest ? time : latest))
}

/**
 * Turns decided events into recorded ones. They contain only what JSON can represent and their schemas name.
 * They are numbered, dated, sealed and hash-chained. None is too large to be published.
 * @throws TidemarkError `event-invalid`, `event-too-large`, `decision-too-large`
 */
export function record(
  { service, decider, stream, limits }: Recorder,
  before: Before,
  { events, metadata, now, keys }: DecidedEvents,
): Recording {
  if (events.length > MAX_EVENTS)
    throw new TidemarkError(
      'decision-too-large',
      `a command may append ${MAX_EVENTS} events, but this one appends ${events.length}`,
    )
  const time = decisionTime(now, before)
  const source = formatSource(service.name, decider.category)
  let { version, hash: previousHash } = before.head
  let bytes = NAMES_BYTES
  const opened: RecordedEvent[] = []
  const recorded = events.map((event, index) => {
    version += 1
    const plain = checkContent(service, decider, event)
    const { published, ...content } = keys
      ? sealPersonal({ service, decider }, plain, { stream, version }, keys[index])
      : plain
    const sealed = seal({
      id: eventId(version),
      stream,
      version,
      ...content,
      source,
      time,
      ...(published ? { published } : {}),
      ...metadata,
      previousHash,
    })
    previousHash = sealed.event.hash
    const size = maxTextBytes(sealed.bytes)
    if (size > limits.eventBytes) checkSendable(sealed.event, limits)
    bytes += size
    opened.push(content.data === plain.data ? sealed.event : { ...sealed.event, data: plain.data })
    return sealed.event
  })
  return { events: recorded, opened, bytes }
}

/**
 * Whether recording an event needs a key: it has personal texts, or may have some as it is published. What is
 * read of a forgotten subject is none, so that a process that goes on does not give the subject a new key.
 */
export function needsKey(
  { publishes }: Recorder['service'],
  { events }: Pick<AnyDecider, 'events'>,
  { type, data }: DomainEvent,
): boolean {
  const isPersonal = ({ schema }: EventType): boolean => listPersonalFields(schema).length > 0
  if (publishes.some(({ privateEvent, publicEvent }) => privateEvent.name === type && isPersonal(publicEvent)))
    return true
  const { schema } = events.find(({ name }) => name === type) ?? {}
  let found = false
  mapPersonal(data, schema ? listPersonalFields(schema) : [], (text, { forgotten }) => {
    found ||= text !== forgotten
    return text
  })
  return found
}

/** The content of an event, and of the public event if it is published as another. */
type Contents = EventContent & { readonly published?: EventContent }

/**
 * Seals the personal fields of an event's content with the key of its subject.
 * @throws TidemarkError `event-invalid` if there are such fields, but no key: the stream has no subject.
 */
function sealPersonal(
  { service, decider }: Pick<Recorder, 'service' | 'decider'>,
  contents: Contents,
  position: Position,
  key: PersonalKey | undefined,
): Contents {
  const sealContent = <Content extends EventContent>(types: readonly EventType[], content: Content, as: string) => {
    const { schema } = types.find(({ name }) => name === content.type) ?? {}
    const fields = schema ? listPersonalFields(schema) : []
    const data = mapPersonal(content.data, fields, (text, { forgotten }, pointer) => {
      if (text === forgotten) return text
      if (key)
        return sealText(text, `${formatPosition(position)} ${as}${pointer}`, key, { service: service.name, forgotten })
      const where = `${content.type}${pointer}`
      throw new TidemarkError('event-invalid', `${where} is personal, but ${position.stream} has no subject`)
    })
    return data === content.data ? content : { ...content, data }
  }
  const { published } = contents
  const publicTypes = service.publishes.map((publication) => publication.publicEvent)
  const sealed = sealContent(decider.events, contents, 'data')
  return published ? { ...sealed, published: sealContent(publicTypes, published, 'published') } : sealed
}

/**
 * The content of an event in the versions in which it is recorded: of the private event, and of the public
 * one if it is published.
 * @throws TidemarkError `event-invalid`, `event-too-large`
 */
export function checkContent(
  service: Recorder['service'],
  { events }: Pick<AnyDecider, 'events'>,
  event: DomainEvent,
): Contents {
  const content = checkWritten(events, event)
  const publicEvent = publish(service, events, content)
  if (publicEvent === undefined) return content
  const publicTypes = service.publishes.map((publication) => publication.publicEvent)
  return { ...content, published: checkWritten(publicTypes, publicEvent) }
}

function publish(service: Recorder['service'], types: readonly EventType[], content: EventContent) {
  try {
    return toPublicEvent(service, content)
  } catch (error) {
    const type = types.find(({ name }) => name === content.type)
    throw type ? hideTexts(type, error) : error
  }
}

/**
 * The most bytes that JSON needs as a text within JSON, including the names around it. Only its quotes and
 * backslashes are escaped.
 */
function maxTextBytes(bytes: number): number {
  return 2 * bytes + NAMES_BYTES
}

/** @throws TidemarkError `event-too-large` */
function checkSendable(event: RecordedEvent, { eventBytes }: LogLimits): void {
  const size = Buffer.byteLength(JSON.stringify(toCloudEvent(event)))
  if (size > eventBytes)
    throw new TidemarkError(
      'event-too-large',
      `${event.type} has ${size} bytes, but the hub takes at most ${eventBytes}`,
    )
}

/**
 * Returns the bytes of a commit. It is measured only if the upper bound is too large.
 * @throws TidemarkError `decision-too-large`
 */
export function checkWritable(commit: Commit, atMost: number, { bytes }: LogLimits): number {
  if (atMost <= bytes) return atMost
  const size = Buffer.byteLength(JSON.stringify(toLogItem(commit)))
  if (size <= bytes) return size
  throw new TidemarkError('decision-too-large', `a command may append ${bytes} bytes at once, not ${size}`)
}
