/** Where telemetry is sent, and how much of it. */
export interface OtlpSettings {
  /** Absent: no traces. */
  readonly tracesUrl?: string
  /** Absent: no metrics. */
  readonly metricsUrl?: string
  /** With every request: a secret. */
  readonly headers: Readonly<Record<string, string>>
  /** What the service is called. */
  readonly serviceName?: string
  /** How many of the traces that begin here are sampled: 0 to 1. */
  readonly ratio: number
  /** How long spans wait to be sent together. Milliseconds. */
  readonly batchDelayMs: number
  /** How often metrics are sent. Milliseconds. */
  readonly metricIntervalMs: number
}

/** Whose telemetry it is, and who hears that it cannot be sent. */
export interface OtlpSource {
  readonly service: string
  /** Unique to the process. */
  readonly instance: string
  readonly warn: (line: string) => void
}
