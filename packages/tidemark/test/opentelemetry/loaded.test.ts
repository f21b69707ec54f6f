import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connectionStrings } from '../../../test-support/connection-strings.ts'

const root = fileURLToPath(new URL('../../../../', import.meta.url))

/**
 * Composes a service with the given settings in a process of its own.
 * @returns the loaded modules of OpenTelemetry, and the number of all loaded modules.
 */
async function loadedBy(settings: Readonly<Record<string, string>>): Promise<{ telemetry: string[]; all: number }> {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const { compose } = await import('./packages/tidemark/compose.ts')
    const { ordering } = await import('./packages/tidemark/test/domain/orders.ts')
    const service = compose(ordering)
    await service.telemetry.span('work', { kind: 'internal' }, async () => {})
    await service.telemetry.close()
    const telemetry = loaded.filter((url) => url.includes('/@opentelemetry/'))
    console.log(JSON.stringify({ telemetry, all: loaded.length }))
    process.exit()`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    env: { ...connectionStrings, ...settings },
  })
  return JSON.parse(stdout)
}

describe('OpenTelemetry', () => {
  it('is not loaded without an endpoint', async () => {
    const { telemetry, all } = await loadedBy({ OTEL_SERVICE_NAME: 'shop' })
    assert.deepEqual(telemetry, [])
    assert.ok(all > 100, `only ${all} modules were seen`)
  })

  it('is loaded with an endpoint', async () => {
    const { telemetry } = await loadedBy({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' })
    assert.ok(telemetry.length > 10, telemetry.join())
  })
})
