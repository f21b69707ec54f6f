import { fromCloudEvent, mayBelongTo } from '../core/cloud-event.ts'
import { describeError, type ErrorCode, isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { MessagePlace } from '../core/parking.ts'
import type { Clock } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { formatPosition, parseCategory } from '../core/stream.ts'
import { type Attributes, listTraceparents, NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'
import { parseViewName } from './cursors.ts'
import { type ConsumerParking, classifyFailure, type StreamFailure } from './parking.ts'
import { toSourceEvent } from './view-events.ts'
import { BatchWatch, timed } from './watch.ts'

/**
 * The first delay of a retry. It doubles each time, and varies by half, so that clients do not all retry at
 * once. Milliseconds.
 */
const FIRST_RETRY_MS = 100
/**
 * No retry starts later than this after the first attempt. A function may run for half an hour, and the
 * trigger redelivers anyway. Milliseconds.
 */
const RETRIED_FOR_MS = 5_000
const LASTING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['handler-paused', 'parking-full'])

/** How transient failures are retried. */
interface Retries {
  readonly clock: Pick<Clock, 'elapsed' | 'wait'>
  /** Returns a random number from 0 to 1. */
  readonly random: () => number
}

/** Messages of one partition of a hub. */
export interface Messages {
  readonly hub: string
  readonly partition: string
  readonly bodies: readonly unknown[]
  /** Their sequence numbers, if the host reports them. */
  readonly sequences?: readonly number[]
}

/** What a handler receives with its events. */
export interface Handling {
  readonly trace: Trace
  /** Parks what cannot be processed. Absent: the call fails instead. */
  readonly parking?: ConsumerParking
  /** Returns the place of an event's message. */
  readonly place?: (event: Pick<RecordedEvent, 'stream' | 'version'>) => MessagePlace | undefined
  /** Records the outcome of each event. Absent: nothing is recorded. */
  readonly watch?: BatchWatch
  /** Absent: a transient failure fails the call at once. */
  readonly retries?: Retries
}

/** The telemetry of a consumer. */
export interface ConsumerTelemetry {
  readonly telemetry: Telemetry
  /** The function's name. */
  readonly consumer: string
}

/** How a consumer handles messages. */
export interface ConsumerOptions extends Pick<Handling, 'parking' | 'retries'> {
  /** Absent: nothing is recorded. */
  readonly recording?: ConsumerTelemetry
}

/** The parked entry that is retried. */
interface Retried {
  readonly handler: string
  readonly stream: string
  /** Whether a version was discarded for the entry. */
  readonly isDiscarded: (version: number) => boolean
}

/** The views of one category, which are projected together; or one reaction. */
export interface Handler {
  /** The names with their own consumer progress: each view, or the reaction. */
  readonly names: readonly string[]
  /** The category of the streams whose events it handles. */
  readonly category: string
  /**
   * Where each name starts in a partition that no instance has handled for it: at the hub's first message, or
   * at the next one.
   */
  readonly startsAt: 'first' | 'now'
  /**
   * @throws HandlersFailed or TidemarkError if the batch must be redelivered. With parking, events that
   * cannot be processed were parked.
   */
  handle(events: readonly RecordedEvent[], handling: Handling): Promise<void>
  /**
   * Handlers of events that are parked with their stream: processes them in order.
   * @returns the first one that fails again.
   */
  retry?(events: readonly RecordedEvent[], handling: Handling, parked: Retried): Promise<StreamFailure | undefined>
  /** Whether the streams that its views follow are named with their service: `ordering/order-1`. */
  readonly namesService?: true
  /**
   * Handlers that read the log only: brings parked entries of a stream up to date.
   * @param from the first version that waits.
   * @param isDiscarded whether a version was discarded for a name.
   * @returns the failures of those that still cannot process an event.
   */
  catchUp?(
    stream: string,
    from: number,
    waiting: ReadonlySet<string>,
    isDiscarded: (name: string, version: number) => boolean,
  ): Promise<readonly StreamFailure[]>
  /** Returns the stream version up to which `catchUp` would read. */
  newest?(stream: string): Promise<number>
  /** Whether the entry is no longer needed: a generation of a view that is out of use. */
  isNeedless?(waiting: string): Promise<boolean>
  /** Whether only applied markers show which parked events are in its documents. */
  usesMarkers?(waiting: string): boolean
  /** Drops cached stream state: another instance may have handled messages meanwhile. */
  forget?(): void
}

/** Some handlers of one stream category failed; the others are done. */
export class HandlersFailed extends Error {
  override readonly name = 'HandlersFailed'
  readonly failures: readonly { readonly name: string; readonly cause: unknown }[]

  constructor(failures: HandlersFailed['failures']) {
    super(failures.map(({ name, cause }) => `${name}: ${describeError(cause)}`).join('; '))
    this.failures = failures
  }
}

/**
 * Parses and checks each message once and delivers it to every handler of its stream's category. Handlers run
 * concurrently, so none waits for another. Repeated delivery is safe: a handler that was done finds nothing
 * new. A message that is not an event is parked on its own.
 * @throws TidemarkError which names the handlers that failed, once all are done.
 */
export function handleMessages(
  handlers: readonly Handler[],
  messages: Messages,
  trace: Trace,
  { parking, retries, recording = { telemetry: NO_TELEMETRY, consumer: '' } }: ConsumerOptions = {},
): Promise<void> {
  const { telemetry, consumer } = recording
  const attributes = { 'tidemark.consumer': consumer }
  return timed(telemetry, 'tidemark.consumer.batch.duration', attributes, async () => {
    const began = telemetry.now()
    const { events, handling } = await readMessages(handlers, messages, trace, parking)
    const options = {
      kind: 'consumer',
      links: telemetry.isOn ? listTraceparents(events) : [],
      began,
      attributes: { ...attributes, ...describeBatch(messages) },
    } as const
    await telemetry.span(`process ${messages.hub}`, options, ({ traceparent }) => {
      const watch = telemetry.isOn ? { watch: new BatchWatch(telemetry, traceparent, began) } : {}
      return handleEvents(handlers, events, { ...handling, ...watch, ...(retries ? { retries } : {}) })
    })
  })
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/azure-messaging/ */
function describeBatch({ hub, partition, bodies }: Messages): Attributes {
  return {
    'messaging.system': 'eventhubs',
    'messaging.operation.type': 'process',
    'messaging.operation.name': 'process',
    'messaging.destination.name': hub,
    'messaging.destination.partition.id': partition,
    'messaging.batch.message_count': bodies.length,
  }
}

/**
 * Delivers events to one handler. Transient failures are retried for some seconds, so that a short outage
 * does not cost a redelivery. A paused handler first gets a single event, and the whole batch once that
 * succeeds.
 */
async function handleOne(handler: Handler, events: readonly RecordedEvent[], handling: Handling): Promise<void> {
  const { parking, retries } = handling
  const paused = new Set(parking?.paused().map(parseViewName))
  if (handler.names.some((name) => paused.has(name))) await handler.handle(events.slice(0, 1), handling)
  const began = retries?.clock.elapsed() ?? 0
  for (let attempt = 0; ; attempt += 1)
    try {
      return await handler.handle(events, handling)
    } catch (error) {
      const wait = FIRST_RETRY_MS * 2 ** attempt * (0.5 + (retries?.random() ?? 0))
      if (!retries || !isRetriable(error) || retries.clock.elapsed() + wait - began > RETRIED_FOR_MS) throw error
      await retries.clock.wait(wait)
    }
}

/** Whether an immediate retry makes sense. Not if so much waits or fails that only time helps. */
function isRetriable(error: unknown): boolean {
  const causes = error instanceof HandlersFailed ? error.failures.map(({ cause }) => cause) : [error]
  return causes.map(classifyFailure).every((each) => each.class === 'passing' && !LASTING.has(each.code))
}

/** Parses and checks the messages of the handlers' categories. Parks a message that is not an event. */
async function readMessages(
  handlers: readonly Handler[],
  messages: Messages,
  trace: Trace,
  parking?: ConsumerParking,
): Promise<{ readonly events: readonly RecordedEvent[]; readonly handling: Handling }> {
  const { hub, partition } = messages
  const categories = new Set(handlers.map(({ category }) => category))
  const namesService = handlers.some((handler) => handler.namesService)
  const events: RecordedEvent[] = []
  const sequences = new Map<string, number>()
  for (const [index, body] of messages.bodies.entries()) {
    if (!mayBelongTo(categories, body)) continue
    const sequence = messages.sequences?.[index]
    try {
      const recorded = fromCloudEvent(body)
      const event = namesService ? toSourceEvent(hub, recorded) : recorded
      events.push(event)
      if (sequence !== undefined) sequences.set(formatPosition(event), sequence)
    } catch (error) {
      if (parking === undefined || classifyFailure(error).class !== 'permanent') throw error
      await parking.keepMessage({ hub, partition, ...(sequence === undefined ? {} : { sequence }) }, body, error, trace)
    }
  }
  const handling: Handling = {
    trace,
    ...(parking ? { parking } : {}),
    place: (event) => {
      const sequence = sequences.get(formatPosition(event))
      return sequence === undefined ? undefined : { hub, partition, sequence }
    },
  }
  return { events, handling }
}

async function handleEvents(
  handlers: readonly Handler[],
  events: readonly RecordedEvent[],
  handling: Handling,
): Promise<void> {
  const byCategory = Map.groupBy(events, ({ stream }) => parseCategory(stream))
  const due = handlers.filter(({ category }) => byCategory.has(category))
  const outcomes = await Promise.allSettled(
    due.map(async (handler) => {
      const its = byCategory.get(handler.category) ?? []
      await handleOne(handler, its, handling)
      for (const name of handler.names) handling.watch?.skipped(name, its)
    }),
  )
  const failures = outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return []
    const cause: unknown = outcome.reason
    return cause instanceof HandlersFailed ? cause.failures : [{ name: due[index]?.names.join(', ') ?? '', cause }]
  })
  const [first] = failures
  if (first === undefined) return
  const code = isTidemarkError(first.cause) ? first.cause.code : 'internal'
  throw new TidemarkError(code, new HandlersFailed(failures).message, { cause: first.cause })
}
