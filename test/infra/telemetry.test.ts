import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { relayOf } from '../../src/adapters/functions/triggers.ts'

/** What this test reads of host.json. https://learn.microsoft.com/azure/azure-functions/functions-host-json#logging */
interface Logging {
  readonly logLevel: Readonly<Record<string, string>>
  readonly applicationInsights: {
    readonly enableAutocollectedMetricsExtractor: boolean
    readonly samplingSettings: {
      readonly isEnabled: boolean
      readonly maxTelemetryItemsPerSecond: number
      readonly excludedTypes: string
    }
  }
}

const read = (path: string): string => readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8')
const { logLevel, applicationInsights } = JSON.parse(read('host.json')).logging as Logging

const LEVELS = ['Trace', 'Debug', 'Information', 'Warning', 'Error', 'Critical', 'None']

/** Whether a line of a category is collected: the longest category that it begins with decides. */
function collected(category: string, level: string): boolean {
  const [longest = 'default'] = Object.keys(logLevel)
    .filter((prefix) => category.startsWith(prefix))
    .toSorted((one, other) => other.length - one.length)
  return LEVELS.indexOf(level) >= LEVELS.indexOf(logLevel[longest] ?? 'Information')
}

describe('telemetry', () => {
  it('has what the alert on failed functions reads: every execution is a request, and counted before any is left out', () => {
    assert.match(read('infra/main.prod.snapshot.json'), /"metricName": "requests\/failed"/)
    assert.ok(collected('Host.Results', 'Information'))
    assert.equal(applicationInsights.enableAutocollectedMetricsExtractor, true)
  })

  it('keeps that alert while one batch is held: it is tried again more often in the window than the alert forgives', () => {
    const { predictedResources } = JSON.parse(read('infra/main.prod.snapshot.json'))
    const alert = predictedResources.find(({ name }: { name: string }) => name === 'functions-failing').properties
    const { retry } = relayOf({ name: 'any', relayPollDelay: 1 } as Parameters<typeof relayOf>[0])
    assert.ok(retry?.strategy === 'exponentialBackoff')
    const { seconds = 0 } = Object(retry.maximumInterval)
    const window = Number(/^PT(\d+)M$/.exec(alert.windowSize)?.[1]) * 60
    // Half of what can be: each try takes its time too.
    assert.ok(alert.criteria.allOf[0].threshold <= window / seconds / 2)
  })

  it('has what runbooks look for: each line that says why a function is held, and each exception', () => {
    assert.match(read('docs/operate.md'), /AppTraces\n\| where Message has "is held:"/)
    assert.ok(collected('Function.ordering-relay.User', 'Error'))
    const kept = applicationInsights.samplingSettings.excludedTypes.split(';')
    assert.deepEqual(kept.toSorted(), ['Exception', 'Trace'])
  })

  it('is bounded: no line for an execution or a request to storage that went well, and so many requests for an instance', () => {
    for (const category of ['Function.ordering-relay', 'Function.ordering-relay.User', 'Azure.Core', 'Host.Aggregator'])
      assert.ok(!collected(category, 'Information'), category)
    const { isEnabled, maxTelemetryItemsPerSecond } = applicationInsights.samplingSettings
    assert.ok(isEnabled)
    assert.ok(maxTelemetryItemsPerSecond <= 1)
  })
})
