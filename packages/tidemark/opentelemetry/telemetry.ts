import { setTimeout } from 'node:timers/promises'
import * as api from '@opentelemetry/api'
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, PeriodicExportingMetricReader, type PushMetricExporter } from '@opentelemetry/sdk-metrics'
import {
  BatchSpanProcessor,
  type Sampler,
  SamplingDecision,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { isTidemarkError } from '../core/errors.ts'
import {
  type Attributes,
  isSampled,
  isTraceparent,
  METRICS,
  type MetricName,
  NO_TELEMETRY,
  type Span,
  type SpanKind,
  type SpanOptions,
  type Telemetry,
} from '../core/telemetry.ts'
import type { OtlpSettings, OtlpSource } from './otlp.ts'

/** `ExportResultCode.SUCCESS`, copied to avoid a package for one constant. */
const SENT = 0
/** The instrumentation scope. */
const SCOPE = 'tidemark'
const REPORT_EVERY_MS = 60_000
/** The time limit of one request with its retries, in milliseconds. */
const SEND_TIMEOUT_MS = 10_000
/** How long the end of a process waits for pending telemetry, in milliseconds. */
const CLOSE_MS = 5_000
/** The maximum number of queued spans; further ones are dropped. */
const MAX_QUEUED_SPANS = 2_048
/** How long a gauge's last value is exported, in milliseconds. After that another instance may report it. */
const GAUGE_LIVES_MS = 180_000

const kinds: Readonly<Record<SpanKind, api.SpanKind>> = {
  internal: api.SpanKind.INTERNAL,
  server: api.SpanKind.SERVER,
  client: api.SpanKind.CLIENT,
  producer: api.SpanKind.PRODUCER,
  consumer: api.SpanKind.CONSUMER,
}

/**
 * Sends telemetry by OTLP over HTTP in protobuf, which every backend accepts. Nothing is global: an app has
 * one instance per service. https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function otlpTelemetry(settings: OtlpSettings, { service, instance, warn }: OtlpSource): Telemetry {
  const { tracesUrl, metricsUrl, headers } = settings
  const resource = resourceFromAttributes({
    'service.name': settings.serviceName ?? service,
    'service.instance.id': instance,
  })
  const report = reporter(service, warn)
  const connection = { headers: { ...headers }, timeoutMillis: SEND_TIMEOUT_MS }
  const traces =
    tracesUrl === undefined ? undefined : tracing(settings, resource, { ...connection, url: tracesUrl }, report)
  const metrics =
    metricsUrl === undefined ? undefined : metering(settings, resource, { ...connection, url: metricsUrl }, report)
  return {
    isOn: true,
    now: () => performance.now(),
    span: traces?.span ?? NO_TELEMETRY.span,
    record: metrics?.record ?? NO_TELEMETRY.record,
    async close() {
      const timeout = setTimeout(CLOSE_MS, 'late' as const, { ref: false })
      // Failures were reported already, and the process ends anyway.
      const ended = await Promise.race([Promise.allSettled([traces?.close(), metrics?.close()]), timeout])
      if (ended === 'late') report(tracesUrl ?? metricsUrl ?? '', new Error(`not finished after ${CLOSE_MS / 1000} s`))
    },
  }
}

interface Connection {
  readonly url: string
  readonly headers: Record<string, string>
  readonly timeoutMillis: number
}
type Report = (url: string, error: Error | undefined) => void

/** Reports failures to send, at most once a minute per service. Never logs content or headers. */
function reporter(service: string, warn: (line: string) => void): Report {
  let again = Number.NEGATIVE_INFINITY
  return (url, error) => {
    const now = performance.now()
    if (now < again) return
    again = now + REPORT_EVERY_MS
    const { code } = (error ?? {}) as { readonly code?: unknown }
    const why = [
      error?.message || error?.name || 'no answer',
      ...(code === undefined ? [] : [`(${String(code)})`]),
    ].join(' ')
    warn(
      `${service}: telemetry cannot be sent to ${url} and is dropped; all else goes on: ${why.replaceAll(/\s+/g, ' ')}`,
    )
  }
}

type Done = Parameters<SpanExporter['export']>[1]

/** Forwards the result of an export, and reports a failure. */
function reportFailures({ url }: Connection, report: Report, done: Done): Done {
  return (result) => {
    if (result.code !== SENT) report(url, result.error)
    done(result)
  }
}

interface Tracing {
  readonly span: Telemetry['span']
  close(): Promise<void>
}

function tracing(settings: OtlpSettings, resource: Resource, connection: Connection, report: Report): Tracing {
  const otlp = new OTLPTraceExporter(connection)
  const exporter: SpanExporter = {
    export: (spans, done) => otlp.export(spans, reportFailures(connection, report, done)),
    shutdown: () => otlp.shutdown(),
  }
  const provider = new TracerProvider({
    resource,
    sampler: sampler(settings.ratio),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: settings.batchDelayMs,
        maxQueueSize: MAX_QUEUED_SPANS,
        exportTimeoutMillis: SEND_TIMEOUT_MS,
      }),
    ],
  })
  const tracer = provider.getTracer(SCOPE)
  return {
    async span(name, options, run) {
      const { parent, links } = options
      const linked = links?.filter(isSampled) ?? []
      // Records nothing of an unsampled trace, nor of a batch without sampled links.
      const isWanted = isTraceparent(parent) ? isSampled(parent) : links === undefined || linked.length > 0
      if (!isWanted) return NO_TELEMETRY.span(name, options, run)
      const started = startSpan(tracer, name, options, linked)
      try {
        return await run(wrapSpan(started))
      } catch (error) {
        // Only the code: a message may contain personal data.
        failSpan(started, isTidemarkError(error) ? error.code : 'internal')
        throw error
      } finally {
        started.end()
      }
    },
    close: () => provider.shutdown(),
  }
}

function startSpan(
  tracer: api.Tracer,
  name: string,
  { kind, parent, attributes, began }: SpanOptions,
  links: readonly string[],
): api.Span {
  const context = isTraceparent(parent)
    ? api.trace.setSpanContext(api.ROOT_CONTEXT, parseSpanContext(parent))
    : api.ROOT_CONTEXT
  const options = {
    kind: kinds[kind],
    links: links.map((link) => ({ context: parseSpanContext(link) })),
    ...(attributes === undefined ? {} : { attributes }),
    ...(began === undefined ? {} : { startTime: began }),
  }
  return tracer.startSpan(name, options, context)
}

/**
 * Sampling as defined in `core/telemetry.ts`: by the parent, then by links. A new trace is sampled by its id.
 */
function sampler(ratio: number): Sampler {
  const byId = new TraceIdRatioBasedSampler(ratio)
  return {
    // biome-ignore lint/complexity/useMaxParams: OpenTelemetry's Sampler interface prescribes the parameters.
    shouldSample(context, traceId, _name, _kind, _attributes, links) {
      // Unsampled parents and links never get here.
      const isSampled = api.trace.getSpanContext(context) !== undefined || links.length > 0
      return isSampled ? { decision: SamplingDecision.RECORD_AND_SAMPLED } : byId.shouldSample(context, traceId)
    },
    toString: () => `Tidemark{${byId.toString()}}`,
  }
}

function parseSpanContext(traceparent: string): api.SpanContext {
  const [, traceId = '', spanId = ''] = traceparent.split('-')
  return { traceId, spanId, traceFlags: isSampled(traceparent) ? 1 : 0, isRemote: true }
}

function wrapSpan(span: api.Span): Span {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    set: (attributes) => void span.setAttributes(attributes),
    fail: (code) => failSpan(span, code),
  }
}

/** https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ */
function failSpan(span: api.Span, code: string): void {
  span.setAttribute('error.type', code)
  span.setStatus({ code: api.SpanStatusCode.ERROR })
}

interface Metering {
  readonly record: Telemetry['record']
  close(): Promise<void>
}

function metering(settings: OtlpSettings, resource: Resource, connection: Connection, report: Report): Metering {
  const otlp = new OTLPMetricExporter(connection)
  const exporter: PushMetricExporter = {
    export: (metrics, done) => otlp.export(metrics, reportFailures(connection, report, done)),
    selectAggregationTemporality: (type) => otlp.selectAggregationTemporality(type),
    forceFlush: () => otlp.forceFlush(),
    shutdown: () => otlp.shutdown(),
  }
  const { metricIntervalMs: exportIntervalMillis } = settings
  const exportTimeoutMillis = Math.min(SEND_TIMEOUT_MS, exportIntervalMillis)
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis })
  const provider = new MeterProvider({ resource, readers: [reader] })
  const meter = provider.getMeter(SCOPE)
  const instruments = new Map<string, (value: number, attributes: Attributes) => void>(
    Object.entries(METRICS).map(([name, { kind, unit, description }]) => {
      const options = { unit, description }
      if (kind === 'gauge') return [name, gauge(meter.createObservableGauge(name, options))]
      if (kind === 'counter') {
        const counter = meter.createCounter(name, options)
        return [name, (value, attributes) => counter.add(value, attributes)]
      }
      const histogram = meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: SECONDS } })
      return [name, (value, attributes) => histogram.record(value, attributes)]
    }),
  )
  return {
    record: (name: MetricName, value, attributes = {}) => instruments.get(name)?.(value, attributes),
    close: () => provider.shutdown(),
  }
}

/**
 * https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration, extended
 * for the duration of batches.
 */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60]

/** A gauge that exports the last value for each set of attributes until it expires. */
function gauge(instrument: api.ObservableGauge): (value: number, attributes: Attributes) => void {
  const last = new Map<string, { readonly value: number; readonly attributes: Attributes; readonly until: number }>()
  instrument.addCallback((result) => {
    const now = performance.now()
    for (const [key, { value, attributes, until }] of last)
      if (until <= now) last.delete(key)
      else result.observe(value, attributes)
  })
  return (value, attributes) => {
    last.set(JSON.stringify(attributes), { value, attributes, until: performance.now() + GAUGE_LIVES_MS })
  }
}
