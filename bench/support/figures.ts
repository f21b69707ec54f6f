import type { Latency } from '../../packages/cli/demo/latency.ts'

/** The figures of a report, in milliseconds. */
export function toFigures(latency: Latency): { count: number; p50: number; p95: number; p99: number } {
  return {
    count: latency.count,
    p50: latency.percentile(0.5),
    p95: latency.percentile(0.95),
    p99: latency.percentile(0.99),
  }
}
