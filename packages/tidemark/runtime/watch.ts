import { isTidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { formatPosition } from '../core/stream.ts'
import { type Attributes, isSampled, type MetricName, type Telemetry } from '../core/telemetry.ts'
import type { HandleCommand } from './group-commit.ts'

/** What became of an event at a view or a reaction. */
export type HandledAs = 'handled' | 'parked'

type WatchedEvent = Pick<RecordedEvent, 'stream' | 'version' | 'type' | 'traceparent'>

/** What a span says of the event that it is about. */
export function describeEvent(handler: string, { stream, version, type }: WatchedEvent): Attributes {
  return {
    'tidemark.handler': handler,
    'tidemark.stream': stream,
    'tidemark.version': version,
    'tidemark.event': type,
  }
}

/** Runs something, and records how long it took with how it ended: `done`, or the code of what it threw. */
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
 * Carries out commands, each in a span of its own, and counts them. What a command appends has the
 * traceparent of that span: so the trace goes on in whatever follows from it.
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
        const outcome = await handle(decider, traced, (events) => {
          telemetry.record('tidemark.events.appended', events.length, category)
          onAppended?.(events)
        })
        if (outcome.done) {
          span.set({ 'tidemark.version': outcome.version })
          recordOutcome(outcome.events > 0 ? 'done' : 'unchanged')
        } else recordOutcome(outcome.code)
        return outcome
      } catch (error) {
        recordOutcome(readErrorCode(error))
        throw error
      }
    })
  }
}

/** Watches what handlers make of the events of one batch. */
export class BatchWatch {
  readonly #telemetry: Telemetry
  /** Of the batch's own span. */
  readonly traceparent: string | undefined
  readonly #began: number
  /** The events that a handler did something with, by its name. */
  readonly #counted = new Map<string, Set<string>>()

  constructor(telemetry: Telemetry, traceparent: string | undefined, began: number) {
    this.#telemetry = telemetry
    this.traceparent = traceparent
    this.#began = began
  }

  /** Counts what became of an event, once for each handler. @returns whether it was new. */
  count(handler: string, event: WatchedEvent, outcome: HandledAs): boolean {
    const countedEvents = this.#counted.get(handler) ?? new Set<string>()
    this.#counted.set(handler, countedEvents)
    if (countedEvents.size === countedEvents.add(formatPosition(event)).size) return false
    this.#telemetry.record('tidemark.events.handled', 1, { 'tidemark.handler': handler, 'tidemark.outcome': outcome })
    return true
  }

  /**
   * Counts what became of an event at a view, with a span in the event's trace. A view takes all events of a
   * batch at once, and writes a document for many of them: so the span begins with the batch, and ends when
   * what the event led to is written.
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

  /** Counts the events that a handler had nothing to do with. */
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
