import { describeError } from '../core/errors.ts'
import { NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'
import type { OtlpSettings, OtlpSource } from './otlp.ts'

/**
 * Telemetry by OTLP. This call loads OpenTelemetry, so services without telemetry do not pay for it. Spans
 * and metrics wait until it is loaded. If it cannot be loaded, one line is logged and nothing is sent.
 */
export function openTelemetry(settings: OtlpSettings, source: OtlpSource): Telemetry {
  const loading: Promise<Telemetry> = import('./telemetry.ts')
    .then(({ otlpTelemetry }) => otlpTelemetry(settings, source))
    .catch((error: unknown) => {
      source.warn(`no telemetry is sent: OpenTelemetry cannot be loaded: ${describeError(error)}`)
      return NO_TELEMETRY
    })
  let loaded: Telemetry | undefined
  void loading.then((telemetry) => {
    loaded = telemetry
  })
  return {
    isOn: true,
    now: () => performance.now(),
    async span(name, options, run) {
      return (loaded ?? (await loading)).span(name, options, run)
    },
    record(name, value, attributes) {
      if (loaded) loaded.record(name, value, attributes)
      else void loading.then((telemetry) => telemetry.record(name, value, attributes))
    },
    async close() {
      await (await loading).close()
    },
  }
}
