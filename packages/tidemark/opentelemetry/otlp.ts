/** Where to send telemetry, and how much of it. */
export interface OtlpSettings {
  /** Absent: no traces. */
  readonly tracesUrl?: string
  /** Absent: no metrics. */
  readonly metricsUrl?: string
  /** Headers of every request; secret. */
  readonly headers: Readonly<Record<string, string>>
  /** The service's name in telemetry. */
  readonly serviceName?: string
  /** The sampled share of traces that start here: 0 to 1. */
  readonly ratio: number
  /** How long spans are collected before they are sent together, in milliseconds. */
  readonly batchDelayMs: number
  /** How often metrics are sent, in milliseconds. */
  readonly metricIntervalMs: number
}

/** The source of the telemetry, and where to report that it cannot be sent. */
export interface OtlpSource {
  readonly service: string
  /** Unique to the process. */
  readonly instance: string
  readonly warn: (line: string) => void
}
