/**
 * What an attribute may say: the name of a service, handler, hub, command, stream or event type, a version,
 * an outcome, a number. No personal data, no content of events, no key of a command. Names are those of
 * OpenTelemetry's semantic conventions where these have one, and `tidemark.…` otherwise.
 */
export type Attributes = Readonly<Record<string, string | number>>

/** https://opentelemetry.io/docs/specs/otel/trace/api/#spankind */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

export interface SpanOptions {
  readonly kind: SpanKind
  /** The W3C traceparent of what it is a part of, which decides whether it is sampled. Absent: it begins a trace. */
  readonly parent?: string | undefined
  /**
   * The traceparents of what else it has to do with; those that are not sampled are left out. One that has no
   * parent, but links, is sampled if one of them is: the span of a batch is there where one of its events is
   * traced.
   */
  readonly links?: readonly (string | undefined)[]
  readonly attributes?: Attributes
  /** When it began, as `Telemetry.now` said. Absent: now. */
  readonly began?: number
}

/** A span while it runs. */
export interface Span {
  /**
   * The W3C traceparent for whatever goes on from here: the span's own. Where none is recorded it is the
   * parent's, so that who comes later is told the same: undefined where there was none.
   */
  readonly traceparent: string | undefined
  set(attributes: Attributes): void
  /**
   * Says that it ended badly without throwing.
   * @param code of an error or a refusal: no text, which might name a person.
   */
  fail(code: string): void
}

type Metric = {
  /**
   * - `counter`: a sum. - `histogram`: a distribution. - `gauge`: the last value; one that is not said again
   * for 3 minutes is told no more.
   */
  readonly kind: 'counter' | 'histogram' | 'gauge'
  /** UCUM: https://opentelemetry.io/docs/specs/semconv/general/metrics/#instrument-units */
  readonly unit: string
  readonly description: string
}

/** Every metric there is. docs/operate.md has them in a table, which a test holds against this. */
export const METRICS = {
  'tidemark.commands': {
    kind: 'counter',
    unit: '{command}',
    description:
      'Commands by `tidemark.category` and `tidemark.outcome`: `done`, `unchanged` where there was nothing to do, or the code of a refusal or an error.',
  },
  'tidemark.command.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long a command takes from when it waits for its stream until it is answered, by the same.',
  },
  'tidemark.events.appended': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that commands appended, by `tidemark.category`.',
  },
  'tidemark.events.published': {
    kind: 'counter',
    unit: '{event}',
    description: 'Events that the hub took. One that is published again counts again.',
  },
  'tidemark.relay.batch.duration': {
    kind: 'histogram',
    unit: 's',
    description:
      "How long the relay works on a batch of the log's change feed, by `tidemark.outcome`: `done` or the code of an error.",
  },
  'tidemark.events.handled': {
    kind: 'counter',
    unit: '{event}',
    description:
      'Events by `tidemark.handler`, a view or a reaction, and `tidemark.outcome`: `handled`; `skipped` where it was done before or is nothing to it; `parked`.',
  },
  'tidemark.consumer.batch.duration': {
    kind: 'histogram',
    unit: 's',
    description: 'How long a consumer works on a batch of a hub, by `tidemark.consumer` and `tidemark.outcome`.',
  },
  'tidemark.consumer.events_behind': {
    kind: 'gauge',
    unit: '{event}',
    description: 'Messages of a hub that a consumer has not handled yet, by `tidemark.consumer`.',
  },
  'tidemark.consumer.seconds_behind': {
    kind: 'gauge',
    unit: 's',
    description: 'How old the oldest message is that a consumer has not handled yet, by `tidemark.consumer`.',
  },
  'tidemark.relay.seconds_behind': {
    kind: 'gauge',
    unit: 's',
    description: 'How old the oldest commit is that the relay has not published yet.',
  },
  'tidemark.parked.streams': {
    kind: 'gauge',
    unit: '{stream}',
    description: 'Streams that wait for a handler, by `tidemark.consumer`.',
  },
  'tidemark.parked.messages': {
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages that belong to no stream and wait, by `tidemark.consumer`.',
  },
  'tidemark.schedule.overdue_seconds': {
    kind: 'gauge',
    unit: 's',
    description: 'How long the oldest command is overdue that waited for its time.',
  },
  'tidemark.canary.seconds': {
    kind: 'gauge',
    unit: 's',
    description: 'How long the last canary took through log, relay and hub to a view.',
  },
  'tidemark.clock.skew_ms': {
    kind: 'gauge',
    unit: 'ms',
    description: "By how much the host's clock is ahead of the store's.",
  },
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof METRICS

/**
 * Where traces and metrics go. Nothing here fails, and nobody waits for what is sent.
 * @example await telemetry.span('react orders', { kind: 'consumer', parent: event.traceparent }, ({
 * traceparent }) => send(traceparent))
 */
export interface Telemetry {
  /** Whether anybody listens: what costs something to find out is left undone otherwise. */
  readonly isOn: boolean
  /** Milliseconds of a clock that only goes forward. */
  now(): number
  /** Runs something in a span, which ends with it. What `run` throws passes, and the span says so by its code. */
  span<Result>(name: string, options: SpanOptions, run: (span: Span) => Promise<Result>): Promise<Result>
  /** Adds to a counter, or tells a value: in the metric's unit. */
  record(name: MetricName, value: number, attributes?: Attributes): void
  /** Sends what is not sent yet, for some seconds at most: the process is about to end. */
  close(): Promise<void>
}

/** Nobody listens. A trace that came with a request goes on all the same: its traceparent is handed on as it came. */
export const NO_TELEMETRY: Telemetry = {
  isOn: false,
  now: () => 0,
  span: (_, { parent }, run) => run({ traceparent: parent, set() {}, fail() {} }),
  record() {},
  async close() {},
}

/** The most links of a span: https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits */
export const MAX_LINKS = 128

// https://www.w3.org/TR/trace-context/#traceparent-header
const traceparentPattern = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Whether it is a W3C traceparent of the version that is known. */
export function isTraceparent(text: string | null | undefined): text is string {
  return typeof text === 'string' && traceparentPattern.test(text)
}

/** Whether what began with this traceparent is recorded: the lowest bit of its flags. */
export function isSampled(traceparent: string | undefined): traceparent is string {
  return isTraceparent(traceparent) && (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1
}

/** What is traced of events, each traceparent once: for the links of a batch. At most `MAX_LINKS`. */
export function listTraceparents(events: readonly { readonly traceparent?: string }[]): readonly string[] {
  const traces = new Set<string>()
  for (const { traceparent } of events) {
    if (traces.size === MAX_LINKS) break
    if (isSampled(traceparent)) traces.add(traceparent)
  }
  return [...traces]
}
