import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

/**
 * The part of host.json that this test reads.
 * https://learn.microsoft.com/azure/azure-functions/functions-host-json#logging
 */
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

/** Whether a name of host.json covers a category. A name is a prefix with at most one `*`. */
function standsFor(name: string, category: string): boolean {
  const [start = '', end = ''] = name.split('*')
  return category.startsWith(start) && category.endsWith(end) && category.length >= start.length + end.length
}

/**
 * Whether a line of a category is collected: the longest matching name decides.
 * https://github.com/dotnet/runtime/blob/v8.0.0/src/libraries/Microsoft.Extensions.Logging/src/LoggerRuleSelector.cs
 */
function collected(category: string, level: string): boolean {
  const [longest = 'default'] = Object.keys(logLevel)
    .filter((name) => standsFor(name, category))
    .toSorted((one, other) => other.length - one.length)
  return LEVELS.indexOf(level) >= LEVELS.indexOf(logLevel[longest] ?? 'Information')
}

describe('telemetry', () => {
  // Every execution is a request, and is counted before sampling.
  it('has the data for the alert on failed functions', () => {
    assert.ok(collected('Host.Results', 'Information'))
    assert.equal(applicationInsights.enableAutocollectedMetricsExtractor, true)
  })

  it('has each line that says why a function is blocked, and each exception', () => {
    assert.match(read('docs/operate.md'), /AppTraces\n\| where Message has "is held:"/)
    assert.ok(collected('Function.ordering-relay.User', 'Error'))
    const kept = applicationInsights.samplingSettings.excludedTypes.split(';')
    assert.deepEqual(kept.toSorted(), ['Exception', 'Trace'])
  })

  // The host's own line for each retry, with its stack, is off.
  it('has one line a minute for a failing batch, from the function itself', () => {
    assert.ok(!collected('Function.ordering-relay', 'Error'))
    assert.ok(collected('Function.ordering-relay.User', 'Error'))
    // The provider's name is case-sensitive: "console" would match none.
    assert.equal(Console.logLevel['Host.Results'], 'None')
  })

  // No line for a successful execution or storage request, and a limited number of requests per instance.
  it('is bounded', () => {
    for (const category of ['Function.ordering-relay', 'Function.ordering-relay.User', 'Azure.Core', 'Host.Aggregator'])
      assert.ok(!collected(category, 'Information'), category)
    // Each start warns about 17 existing containers and hundreds of missing blobs, and about each partition.
    for (const category of ['Azure.Core', 'Azure.Messaging.EventHubs', 'Azure.Core.1'])
      assert.ok(!collected(category, 'Warning'), category)
    const { isEnabled, maxTelemetryItemsPerSecond } = applicationInsights.samplingSettings
    assert.ok(isEnabled)
    assert.ok(maxTelemetryItemsPerSecond <= 1)
  })
})
