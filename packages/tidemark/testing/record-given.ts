import { AssertionError } from 'node:assert'
import { isTidemarkError } from '../core/errors.ts'
import type { EventType, RecordedEvent } from '../core/event.ts'
import { EMPTY_STREAM } from '../core/hash-chain.ts'
import type { Service } from '../core/service.ts'
import { isStream, parseCategory } from '../core/stream.ts'
import { LIMITS } from '../memory/limits.ts'
import { record } from '../runtime/record.ts'
import type { Given } from './recorded-as.ts'

/** The service that records the given events. */
interface Recorder extends Pick<Service, 'name' | 'publishes'> {
  /** The events it can record in the stream. */
  readonly events: readonly EventType[]
}

/** Where and when a test's event is recorded. */
interface Place {
  readonly stream: string
  /** The stream's last event, if any. */
  readonly before: RecordedEvent | undefined
  /** RFC 3339, UTC, milliseconds. */
  readonly now: string
}

/**
 * Records a test's event as the service itself would. An event that cannot be recorded cannot be given.
 * @throws AssertionError for an event the service cannot record.
 */
export function recordGiven(recorder: Recorder, given: Given, { stream, before, now }: Place): RecordedEvent {
  if (!isStream(stream))
    throw new AssertionError({ message: `${stream} cannot be given: a stream has a name such as order-1` })
  const after = { head: before ?? EMPTY_STREAM, time: before?.time ?? '' }
  const then = 'as' in given
  // Today's translation must not run on an older version: the code of that time published it.
  const service = { name: recorder.name, publishes: then ? [] : recorder.publishes }
  const events = then ? [given.as] : recorder.events
  const event = { type: given.type, data: given.data }
  const metadata = { actor: 'tester', correlation: 'test', causation: 'command:test' }
  try {
    const decider = { category: parseCategory(stream), events }
    const decided = { events: [event], metadata, now }
    const { events: recorded } = record({ service, decider, stream, limits: LIMITS }, after, decided)
    // The test's own objects must not be frozen with the recorded event.
    return structuredClone(recorded[0] as RecordedEvent)
  } catch (cause) {
    if (!isTidemarkError(cause)) throw cause
    throw Object.assign(new AssertionError({ message: `cannot be given to ${stream}: ${cause.message}` }), { cause })
  }
}
