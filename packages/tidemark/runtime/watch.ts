import { isTidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { formatPosition } from '../core/stream.ts'
import { type Attributes, isSampled, type MetricName, type Telemetry } from '../core/telemetry.ts'
import type { HandleCommand } from './group-commit.ts'

/** The outcome of an event for a view or a reaction. */
type HandledAs = 'handled' | 'parked'

type WatchedEvent = Pick<RecordedEvent, 'stream' | 'version' | 'type' | 'traceparent'>

/** The span attributes of an event. */
export function describeEvent(handler: string, { stream, version, type }: WatchedEvent): Attributes {
  return {
    'tidemark.handler': handler,
    'tidemark.stream': stream,
    'tidemark.version': version,
    'tidemark.event': type,
  }
}

/** Runs a function and records its duration and outcome: `done`, or the code of its error. */
export async function timed<Result>(
  telemetry: Telemetry,
  metric: MetricName,
  attributes: Attributes,
  run: () => Promise<Result>,
): Promise<Result> {
  const began = telemetry.now()
  const recordOutcome = (outcome: string): void =>
    telemetry.record(metric, (telemetry.now() - began) / 1000, { ...attributes, 'tidemark.outcome': outcome })
  try {
    const result = await run()
    recordOutcome('done')
    return result
  } catch (error) {
    recordOutcome(readErrorCode(error))
    throw error
  }
}

/**
 * Handles commands, each in its own span, and counts them. Appended events have the traceparent of that span,
 * so the trace continues in everything that they cause.
 */
export function watchedCommands(telemetry: Telemetry, handle: HandleCommand): HandleCommand {
  if (!telemetry.isOn) return handle
  return (decider, request, onAppended) => {
    const { stream, command, metadata } = request
    const category = { 'tidemark.category': decider.category }
    const attributes = { ...category, 'tidemark.command': command.type, 'tidemark.stream': stream }
    const options = { kind: 'internal', parent: metadata.traceparent, attributes } as const
    return telemetry.span(`${command.type} ${decider.category}`, options, async (span) => {
      const { traceparent } = span
      const began = telemetry.now()
      const recordOutcome = (outcome: string): void => {
        const attributes = { ...category, 'tidemark.outcome': outcome }
        span.set({ 'tidemark.outcome': outcome })
        telemetry.record('tidemark.commands', 1, attributes)
        telemetry.record('tidemark.command.duration', (telemetry.now() - began) / 1000, attributes)
      }
      const traced = { ...request, metadata: { ...metadata, ...(traceparent === undefined ? {} : { traceparent }) } }
      try {
        const result = await handle(decider, traced, (events) => {
          telemetry.record('tidemark.events.appended', events.length, category)
          onAppended?.(events)
        })
        if (result.outcome === 'done') {
          span.set({ 'tidemark.version': result.version })
          recordOutcome(result.events > 0 ? 'done' : 'unchanged')
        } else recordOutcome(result.code)
        return result
      } catch (error) {
        recordOutcome(readErrorCode(error))
        throw error
      }
    })
  }
}

/** Records what handlers do with the events of one batch. */
export class BatchWatch {
  readonly #telemetry: Telemetry
  /** The traceparent of the batch's span. */
  readonly traceparent: string | undefined
  readonly #began: number
  /** The events that each handler handled or parked, by its name. */
  readonly #counted = new Map<string, Set<string>>()

  constructor(telemetry: Telemetry, traceparent: string | undefined, began: number) {
    this.#telemetry = telemetry
    this.traceparent = traceparent
    this.#began = began
  }

  /** Counts the outcome of an event once for each handler. @returns whether it was new. */
  count(handler: string, event: WatchedEvent, outcome: HandledAs): boolean {
    const countedEvents = this.#counted.get(handler) ?? new Set<string>()
    this.#counted.set(handler, countedEvents)
    if (countedEvents.size === countedEvents.add(formatPosition(event)).size) return false
    this.#telemetry.record('tidemark.events.handled', 1, { 'tidemark.handler': handler, 'tidemark.outcome': outcome })
    return true
  }

  /**
   * Counts the outcome of an event for a view, with a span in the event's trace. A view applies all events of
   * a batch together, and one write may cover many of them. So the span begins with the batch and ends when
   * the event's effect is written.
   */
  traceEvent(view: string, event: WatchedEvent, outcome: HandledAs): void {
    if (!this.count(view, event, outcome) || !isSampled(event.traceparent)) return
    const options = {
      kind: 'consumer',
      parent: event.traceparent,
      links: [this.traceparent],
      began: this.#began,
      attributes: { ...describeEvent(view, event), 'tidemark.outcome': outcome },
    } as const
    void this.#telemetry.span(`project ${view}`, options, async (span) => {
      if (outcome === 'parked') span.fail('parked')
    })
  }

  /** Counts the events that a handler ignored. */
  skipped(handler: string, events: readonly WatchedEvent[]): void {
    const countedEvents = this.#counted.get(handler)
    const skipped =
      countedEvents === undefined
        ? events.length
        : events.filter((event) => !countedEvents.has(formatPosition(event))).length
    const attributes = { 'tidemark.handler': handler, 'tidemark.outcome': 'skipped' }
    if (skipped > 0) this.#telemetry.record('tidemark.events.handled', skipped, attributes)
  }
}

function readErrorCode(error: unknown): string {
  return isTidemarkError(error) ? error.code : 'internal'
}
