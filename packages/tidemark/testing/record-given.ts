import { AssertionError } from 'node:assert'
import { isTidemarkError } from '../core/errors.ts'
import type { EventType, RecordedEvent } from '../core/event.ts'
import { EMPTY_STREAM } from '../core/hash-chain.ts'
import type { Service } from '../core/service.ts'
import { isStream, parseCategory } from '../core/stream.ts'
import { LIMITS } from '../memory/limits.ts'
import { record } from '../runtime/record.ts'
import type { Given } from './recorded-as.ts'

/** The service whose events are given. */
export interface Recorder extends Pick<Service, 'name' | 'publishes'> {
  /** Those that it records in the stream. */
  readonly events: readonly EventType[]
}

/**
 * Records what a test gives as the service itself does: what could not be recorded cannot be given.
 * @param before the last event of the stream, where it has one.
 * @throws AssertionError for what the service does not record, or not so.
 */
export function recordGiven(
  recorder: Recorder,
  stream: string,
  before: RecordedEvent | undefined,
  given: Given,
  now: string,
): RecordedEvent {
  if (!isStream(stream))
    throw new AssertionError({ message: `${stream} cannot be given: a stream is named as order-1 is` })
  const after = { head: before ?? EMPTY_STREAM, time: before?.time ?? '' }
  const then = 'as' in given
  // What others were told of an older version was told by the code of that time.
  const service = { name: recorder.name, publishes: then ? [] : recorder.publishes }
  const events = then ? [given.as] : recorder.events
  const event = { type: given.type, data: given.data }
  const metadata = { actor: 'tester', correlation: 'test', causation: 'command:test' }
  try {
    const decider = { category: parseCategory(stream), events }
    const decided = { events: [event], metadata, now }
    const { events: recorded } = record({ service, decider, stream, limits: LIMITS }, after, decided)
    // What the test holds is not frozen with what is recorded.
    return structuredClone(recorded[0] as RecordedEvent)
  } catch (cause) {
    if (!isTidemarkError(cause)) throw cause
    throw Object.assign(new AssertionError({ message: `cannot be given to ${stream}: ${cause.message}` }), { cause })
  }
}
