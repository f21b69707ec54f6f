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
import { BatchWatch, timed } from './watch.ts'

/**
 * Waits double from here on, each by half more or less, so that not all who were refused come back at once.
 * Milliseconds.
 */
const FIRST_RETRY_MS = 100
/**
 * No attempt begins later than this after the first one. A function has half an hour, and the trigger comes
 * again anyway. Milliseconds.
 */
const RETRIED_FOR_MS = 5_000
const LASTING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['handler-paused', 'parking-full'])

/** How what may pass is tried again. */
export interface Retries {
  readonly clock: Pick<Clock, 'elapsed' | 'wait'>
  /** From 0 to 1: by chance. */
  readonly random: () => number
}

/** Messages of one partition of a hub, and where they stand. */
export interface Messages {
  readonly hub: string
  readonly partition: string
  readonly bodies: readonly unknown[]
  /** Their numbers, where the host says which is whose. */
  readonly sequences?: readonly number[]
}

/** What a handler is given with its events. */
export interface Handling {
  readonly trace: Trace
  /** Where what cannot be processed waits. Absent: it fails the call. */
  readonly parking?: ConsumerParking
  /** Where an event's message stands. */
  readonly place?: (event: Pick<RecordedEvent, 'stream' | 'version'>) => MessagePlace | undefined
  /** Hears what became of each event. Absent: nobody listens. */
  readonly watch?: BatchWatch
  /** Absent: what may pass fails the call at once. */
  readonly retries?: Retries
}

/** Who listens to a consumer. */
export interface ConsumerTelemetry {
  readonly telemetry: Telemetry
  /** The function's name. */
  readonly consumer: string
}

/** The views of a category, which are projected together; or a reaction. */
export interface Handler {
  /** What is told apart in the progress: each view, or the reaction. */
  readonly names: readonly string[]
  /** The category of the streams whose events it handles. */
  readonly category: string
  /**
   * Where each begins in a partition in which no instance has had it before: with the first message that the
   * hub has, or with the next.
   */
  readonly startsAt: 'first' | 'now'
  /**
   * @throws HandlersFailed, TidemarkError for what is to come again. What cannot be processed was parked,
   * where there is parking.
   */
  handle(events: readonly RecordedEvent[], handling: Handling): Promise<void>
  /** Of a reaction: processes events that waited, in their order. @returns the first that it still cannot process. */
  retry?(events: readonly RecordedEvent[], handling: Handling): Promise<StreamFailure | undefined>
  /**
   * Of what reads the log: brings those that wait in a stream up to it.
   * @param from the first version that waits.
   * @param isDiscarded versions that were given up.
   * @returns those that still cannot process an event.
   */
  catchUp?(
    stream: string,
    from: number,
    waiting: ReadonlySet<string>,
    isDiscarded: (name: string, version: number) => boolean,
  ): Promise<readonly StreamFailure[]>
  /** The newest version of a stream that `catchUp` would read. */
  newest?(stream: string): Promise<number>
  /** Whether what waits for it needs nobody any more: a generation of a view that is no longer in use. */
  isNeedless?(waiting: string): Promise<boolean>
  /** Whether only marks tell what its documents have of an event that waits. */
  usesMarkers?(waiting: string): boolean
  /** Another instance may have handled messages meanwhile: what this one remembers of streams may not be the last. */
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
 * Reads and checks each message once, and brings it to every handler of its stream's category. Handlers work
 * side by side, so none waits for another. It may be called again with the same messages: a handler that was
 * done finds nothing new in them. A message that is no event is parked by itself.
 * @throws TidemarkError which names the handlers that failed, once all are done.
 */
export function handleMessages(
  handlers: readonly Handler[],
  messages: Messages,
  trace: Trace,
  parking?: ConsumerParking,
  { telemetry, consumer }: ConsumerTelemetry = { telemetry: NO_TELEMETRY, consumer: '' },
  retries?: Retries,
): Promise<void> {
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
 * Brings a handler its events. What may pass is tried again for some seconds: a moment of trouble is no
 * reason to receive the batch once more. A handler that has paused is tried with one event, and given the
 * others once that is through.
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

/** Whether to try again at once makes sense: not where so much waits or fails already that time alone helps. */
function isRetriable(error: unknown): boolean {
  const causes = error instanceof HandlersFailed ? error.failures.map(({ cause }) => cause) : [error]
  return causes.map(classifyFailure).every((each) => each.class === 'passing' && !LASTING.has(each.code))
}

/** Reads and checks each message that may be of a handler's category. A message that is no event is parked. */
async function readMessages(
  handlers: readonly Handler[],
  messages: Messages,
  trace: Trace,
  parking?: ConsumerParking,
): Promise<{ readonly events: readonly RecordedEvent[]; readonly handling: Handling }> {
  const { hub, partition } = messages
  const categories = new Set(handlers.map(({ category }) => category))
  const events: RecordedEvent[] = []
  const sequences = new Map<string, number>()
  for (const [index, body] of messages.bodies.entries()) {
    if (!mayBelongTo(categories, body)) continue
    const sequence = messages.sequences?.[index]
    try {
      const event = fromCloudEvent(body)
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
