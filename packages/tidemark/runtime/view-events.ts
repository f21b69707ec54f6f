import { TidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventType, Recorded, RecordedEvent } from '../core/event.ts'
import { eventReader, listReadTypes } from '../core/event-reader.ts'
import { formatPosition, formatSourceStream, parseCategory, parseSourceStream } from '../core/stream.ts'
import { type AnyMultiServiceView, type AnyOwnView, type AnyView, isOwnView } from '../core/view.ts'

/** Reads stored events as a view gets them. */
export interface ViewEvents {
  /** Whether the view follows a stream: its cursor moves with every event of it. */
  follows(stream: string): boolean
  /** Whether the view handles an event of such a stream. */
  handles(event: RecordedEvent): boolean
  /**
   * The events that a stored one is read as: none if it is retired.
   * @throws TidemarkError `event-unknown`, `event-unreadable`
   */
  read(event: RecordedEvent): readonly Recorded<DomainEvent>[]
}

/**
 * @param eventTypes all event types of the service. A view over several services reads those of its sources
 *   instead, and its streams are named with their service, as `toSourceEvent` does.
 */
export function viewEvents(view: AnyView, eventTypes: readonly EventType[]): ViewEvents {
  return isOwnView(view) ? ownEvents(view, eventTypes) : publicEvents(view)
}

function ownEvents({ category, events }: AnyOwnView, eventTypes: readonly EventType[]): ViewEvents {
  const reader = eventReader(listReadTypes(events, eventTypes), 'own')
  return {
    follows: (stream) => parseCategory(stream) === category,
    handles: ({ type }) => (events === undefined ? !reader.isRetired(type) : reader.knows(type)),
    read: (event) => reader.readEvents(event),
  }
}

function publicEvents({ sources }: AnyMultiServiceView): ViewEvents {
  const readers = new Map(
    sources.map(({ service, category, events }) => [
      formatSourceStream(service, category),
      eventReader(events, 'foreign'),
    ]),
  )
  const find = (name: string) => {
    const { service = '' } = parseSourceStream(name)
    return readers.get(formatSourceStream(service, parseCategory(name)))
  }
  return {
    follows: (stream) => find(stream) !== undefined,
    handles: (event) => find(event.stream)?.knows(namePublicType(event)) ?? false,
    read(event) {
      const shown = showPublic(event)
      const { stream } = parseSourceStream(event.stream)
      const read = find(event.stream)?.readAll(shown, formatPosition(event)) ?? []
      return read.map((each) => ({ ...shown, stream, ...each }))
    },
  }
}

/** An event as other services may see it: without its private content. */
export function showPublic({ published, ...event }: RecordedEvent): RecordedEvent {
  if (published === undefined) return event
  const { readableFrom: _, ...rest } = event
  return { ...rest, ...published }
}

/** The place of an event that a view does not handle, without its content: other services may not see that. */
export function hideContent({ published: _, readableFrom: __, ...event }: RecordedEvent): RecordedEvent {
  return { ...event, type: '', data: {} }
}

/** The type of an event for log lines: other services know its public one alone. */
export function namePublicType({ type, published }: Pick<RecordedEvent, 'type' | 'published'>): string {
  return published?.type ?? type
}

/**
 * An event of another service, with the name of its stream among those of several services: `ordering/order-1`.
 * @throws TidemarkError `event-unreadable` if the event belongs to another service.
 */
export function toSourceEvent(service: string, event: RecordedEvent): RecordedEvent {
  if (event.source.split('/')[1] !== service)
    throw new TidemarkError('event-unreadable', `${formatPosition(event)} is from ${event.source}, not ${service}`)
  return { ...event, stream: formatSourceStream(service, event.stream) }
}

/** The event as its service recorded it. */
export function fromSourceEvent(event: RecordedEvent): RecordedEvent {
  return { ...event, stream: parseSourceStream(event.stream).stream }
}
