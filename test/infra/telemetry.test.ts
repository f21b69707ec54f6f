import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { relayTrigger } from '../../packages/tidemark/test/support/trigger-options.ts'

/** What this test reads of host.json. https://learn.microsoft.com/azure/azure-functions/functions-host-json#logging */
interface Logging {
  readonly logLevel: Readonly<Record<string, string>>
  readonly Console: { readonly logLevel: Readonly<Record<string, string>> }
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
const { logLevel, Console, applicationInsights } = JSON.parse(read('host.json')).logging as Logging

const LEVELS = ['Trace', 'Debug', 'Information', 'Warning', 'Error', 'Critical', 'None']

/** Whether a name of host.json stands for a category: what it begins with, with at most one `*` in it. */
function standsFor(name: string, category: string): boolean {
  const [start = '', end = ''] = name.split('*')
  return category.startsWith(start) && category.endsWith(end) && category.length >= start.length + end.length
}

/**
 * Whether a line of a category is collected: the longest name that stands for it decides.
 * https://github.com/dotnet/runtime/blob/v8.0.0/src/libraries/Microsoft.Extensions.Logging/src/LoggerRuleSelector.cs
 */
function collected(category: string, level: string): boolean {
  const [longest = 'default'] = Object.keys(logLevel)
    .filter((name) => standsFor(name, category))
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
    const { retry } = relayTrigger
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

  it('has one line a minute of a batch that fails, that of the function itself: none of the host with each retry and its stack', () => {
    assert.ok(!collected('Function.ordering-relay', 'Error'))
    assert.ok(collected('Function.ordering-relay.User', 'Error'))
    // The name of the provider is compared with its case: as "console" it would stand for none.
    assert.equal(Console.logLevel['Host.Results'], 'None')
  })

  it('is bounded: no line for an execution or a request to storage that went well, and so many requests for an instance', () => {
    for (const category of ['Function.ordering-relay', 'Function.ordering-relay.User', 'Azure.Core', 'Host.Aggregator'])
      assert.ok(!collected(category, 'Information'), category)
    // At each start 17 containers are there already and hundreds of blobs are not yet; a partition is one of many.
    for (const category of ['Azure.Core', 'Azure.Messaging.EventHubs', 'Azure.Core.1'])
      assert.ok(!collected(category, 'Warning'), category)
    const { isEnabled, maxTelemetryItemsPerSecond } = applicationInsights.samplingSettings
    assert.ok(isEnabled)
    assert.ok(maxTelemetryItemsPerSecond <= 1)
  })
})
