/**
 * Span and metric attributes. Allowed: the name of a service, handler, hub, command, stream or event type, a
 * version, an outcome, a number. Not allowed: personal data, event content, command keys. Names follow
 * OpenTelemetry's semantic conventions where they define one, and are `tidemark.…` otherwise.
 */
export type Attributes = Readonly<Record<string, string | number>>

/** https://opentelemetry.io/docs/specs/otel/trace/api/#spankind */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

export interface SpanOptions {
  readonly kind: SpanKind
  /** The parent's W3C traceparent, which decides about sampling. Absent: the span starts a trace. */
  readonly parent?: string | undefined
  /**
   * The traceparents of related spans; unsampled ones are left out. A span with links and no parent is
   * sampled if one of its links is. So a batch has a span if one of its events is traced.
   */
  readonly links?: readonly (string | undefined)[]
  readonly attributes?: Attributes
  /** The start time, as `Telemetry.now` returned it. Absent: now. */
  readonly began?: number
}

/** A running span. */
export interface Span {
  /**
   * The W3C traceparent to pass on: the span's own, or the parent's if this span is not recorded. Undefined
   * if there was no parent.
   */
  readonly traceparent: string | undefined
  set(attributes: Attributes): void
  /**
   * Marks the span as failed without throwing.
   * @param code an error or refusal code. Never a text, which might name a person.
   */
  fail(code: string): void
}

type Metric = {
  /**
   * - `counter`: a sum.
   * - `histogram`: a distribution.
   * - `gauge`: the last value. A value that is not recorded again for 3 minutes is no longer exported.
   */
  readonly kind: 'counter' | 'histogram' | 'gauge'
  /** UCUM: https://opentelemetry.io/docs/specs/semconv/general/metrics/#instrument-units */
  readonly unit: string
  readonly description: string
}

/** Every metric. The table in docs/operate.md lists the same metrics; a test compares the two. */
export const METRICS = {
  'tidemark.commands': {
    kind: 'counter',
    unit: '{command}',
    description: 'Commands by `tidemark.category` and `tidemark.outcome`: `done`, `unchanged` or an error code.',
  },
  'tidemark.command.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time from when a command waits for its stream until its answer, by the same attributes.',
  },
  'tidemark.events.appended': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events appended by commands, by `tidemark.category`.',
  },
  'tidemark.events.published': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that the hub accepted. An event that is published again counts again.',
  },
  'tidemark.relay.batch.duration': {
    kind: 'histogram',
    unit: 's',
    description: "Time for a batch of the log's change feed, by `tidemark.outcome`: `done` or an error code.",
  },
  'tidemark.events.handled': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events by `tidemark.handler` and `tidemark.outcome`: `handled`, `skipped` or `parked`.',
  },
  'tidemark.consumer.batch.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'Time for a batch of a hub, by `tidemark.consumer` and `tidemark.outcome`.',
  },
  'tidemark.consumer.events_behind': {
    kind: 'gauge',
    unit: '{event}',
    description: 'Messages in a hub that a consumer has not handled yet, by `tidemark.consumer`.',
  },
  'tidemark.consumer.seconds_behind': {
    kind: 'gauge',
    unit: 's',
    description: 'Age of the oldest message that a consumer has not handled yet, by `tidemark.consumer`.',
  },
  'tidemark.relay.seconds_behind': {
    kind: 'gauge',
    unit: 's',
    description: 'Age of the oldest commit that the relay has not published yet.',
  },
  'tidemark.archive.items': {
    kind: 'counter',
    unit: '{item}',
    description: 'Items of the log that were written to the archive: commits, receipts, and what else is there.',
  },
  'tidemark.archive.seconds_behind': {
    kind: 'gauge',
    unit: 's',
    description: 'Age of the oldest item of the log that is not archived yet.',
  },
  'tidemark.parked.streams': {
    kind: 'gauge',
    unit: '{stream}',
    description: 'Parked streams, by `tidemark.consumer`.',
  },
  'tidemark.parked.messages': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Parked messages that belong to no stream, by `tidemark.consumer`.',
  },
  'tidemark.schedule.overdue_seconds': {
    kind: 'gauge',
    unit: 's',
    description: 'How long the oldest scheduled command is overdue; 0 if none is.',
  },
  'tidemark.canary.seconds': {
    kind: 'gauge',
    unit: 's',
    description: 'How long the last canary took through log, relay and hub to a view.',
  },
  'tidemark.clock.skew_ms': {
    kind: 'gauge',
    unit: 'ms',
    description: "How far the host's clock is ahead of the store's.",
  },
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof METRICS

/**
 * Exports traces and metrics. No method throws an error of its own, and nobody waits for the export.
 * @example await telemetry.span('react orders', { kind: 'consumer', parent: event.traceparent }, ({
 *   traceparent }) => send(traceparent))
 */
export interface Telemetry {
  /** Whether anything is exported. If not, callers skip costly measurements. */
  readonly isOn: boolean
  /** Milliseconds of a monotonic clock. */
  now(): number
  /**
   * Runs `run` in a span that ends with it. An error from `run` is rethrown, and the span records its code.
   */
  span<Result>(name: string, options: SpanOptions, run: (span: Span) => Promise<Result>): Promise<Result>
  /** Adds to a counter, or records a value, in the metric's unit. */
  record(name: MetricName, value: number, attributes?: Attributes): void
  /** Exports what is pending, for a few seconds at most. Call it before the process ends. */
  close(): Promise<void>
}

/** Exports nothing. The traceparent of a request is still passed on unchanged. */
export const NO_TELEMETRY: Telemetry = {
  isOn: false,
  now: () => 0,
  span: (_, { parent }, run) => run({ traceparent: parent, set() {}, fail() {} }),
  record() {},
  async close() {},
}

/** The maximum number of links of a span: https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits */
export const MAX_LINKS = 128

// https://www.w3.org/TR/trace-context/#traceparent-header
const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Whether a text is a W3C traceparent of version 00. */
export function isTraceparent(text: string | null | undefined): text is string {
  return typeof text === 'string' && traceparentPattern.test(text)
}

/** Whether the trace is sampled: the lowest bit of the traceparent's flags. */
export function isSampled(traceparent: string | undefined): traceparent is string {
  return isTraceparent(traceparent) && (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1
}

/**
 * The sampled traceparents of events, without duplicates, at most `MAX_LINKS`: the links of a batch's span.
 */
export function listTraceparents(events: readonly { readonly traceparent?: string }[]): readonly string[] {
  const traces = new Set<string>()
  for (const { traceparent } of events) {
    if (traces.size === MAX_LINKS) break
    if (isSampled(traceparent)) traces.add(traceparent)
  }
  return [...traces]
}
