import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { freePort } from '../../../test-support/ports.ts'
import { until } from '../../../test-support/wait.ts'
import { TidemarkError } from '../../core/errors.ts'
import { METRICS, type MetricName, type Span, type Telemetry } from '../../core/telemetry.ts'
import { openTelemetry } from '../../opentelemetry/load.ts'
import type { OtlpSettings } from '../../opentelemetry/otlp.ts'
import { OtlpReceiver } from '../support/otlp.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const sampled = (spanId: string, traceId = TRACE): string => `00-${traceId}-${spanId}-01`
const parent = sampled('00f067aa0ba902b7')
const nothing = async (): Promise<void> => {}

describe('telemetry by OTLP', () => {
  let receiver: OtlpReceiver
  let lines: string[]
  let telemetry: Telemetry
  before(async () => {
    receiver = await OtlpReceiver.start()
  })
  after(() => receiver.stop())
  beforeEach(() => {
    lines = []
    telemetry = telemetryAt(receiver.address)
  })
  afterEach(() => {
    receiver.spans.length = 0
    receiver.points.clear()
    receiver.headers.length = 0
    receiver.status = 200
  })

  function telemetryAt(address: string, settings: Partial<OtlpSettings> = {}): Telemetry {
    const defaults = { headers: {}, ratio: 1, batchDelayMs: 10, metricIntervalMs: 60_000 }
    const at = { tracesUrl: `${address}/v1/traces`, metricsUrl: `${address}/v1/metrics` }
    const warn = (line: string): void => void lines.push(line)
    return openTelemetry({ ...defaults, ...at, ...settings }, { service: 'ordering', instance: 'one', warn })
  }

  it("continues the trace of a span's parent, and passes the span's own traceparent on", async () => {
    let own: string | undefined
    const attributes = { 'tidemark.stream': 'order-1', 'tidemark.version': 7 }
    const answer = await telemetry.span('work', { kind: 'server', parent, attributes }, async (span) => {
      own = span.traceparent
      span.set({ 'tidemark.outcome': 'done' })
      return 'an answer'
    })
    await telemetry.close()
    assert.equal(answer, 'an answer')
    const [span] = receiver.spans
    assert.ok(span)
    const { spanId, began, ended, ...others } = span
    assert.equal(own, sampled(spanId))
    assert.ok(began <= ended && Math.abs(Date.now() - ended) < 60_000)
    assert.deepEqual(others, {
      service: 'ordering',
      name: 'work',
      kind: 'server',
      traceId: TRACE,
      parentId: '00f067aa0ba902b7',
      links: [],
      attributes: { ...attributes, 'tidemark.outcome': 'done' },
      isError: false,
    })
  })

  it('records nothing of an unsampled trace, nor of what follows it', async () => {
    const unsampled = parent.replace(/01$/, '00')
    for (const options of [{ parent: unsampled }, { parent: unsampled, links: [parent] }])
      assert.equal(
        await telemetry.span('work', { kind: 'internal', ...options }, async (span) => readTraceparent(span)),
        unsampled,
      )
    for (const links of [[], [undefined], [unsampled]])
      assert.equal(
        await telemetry.span('batch', { kind: 'internal', links }, async (span) => readTraceparent(span)),
        undefined,
      )
    await telemetry.close()
    assert.deepEqual(receiver.spans, [])
    assert.deepEqual(receiver.headers, [])
  })

  it('samples a new trace by its ratio, together with what follows', async () => {
    const none = telemetryAt(receiver.address, { ratio: 0 })
    const begun = await none.span('work', { kind: 'internal' }, async (span) => readTraceparent(span))
    assert.match(String(begun), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    assert.equal(
      await none.span('more', { kind: 'internal', parent: begun }, async (span) => readTraceparent(span)),
      begun,
    )
    // The sender of a sampled trace has already decided.
    await none.span('theirs', { kind: 'internal', parent }, nothing)
    await none.close()
    await telemetry.span('ours', { kind: 'internal' }, nothing)
    await telemetry.close()
    assert.deepEqual(receiver.spans.map(({ name }) => name).toSorted(), ['ours', 'theirs'])
  })

  it('records a batch that holds a sampled trace, and links only sampled ones', async () => {
    const links = ['1', '2', '3'].map((digit) => sampled(digit.repeat(16), digit.repeat(32)))
    await telemetry.span(
      'batch',
      { kind: 'consumer', links: [...links, parent.replace(/01$/, '00'), undefined] },
      nothing,
    )
    await telemetry.close()
    const [span] = receiver.spans
    assert.equal(span?.parentId, '')
    assert.deepEqual(
      span?.links,
      ['1', '2', '3'].map((digit) => ({ traceId: digit.repeat(32), spanId: digit.repeat(16) })),
    )
  })

  it('rethrows an error, and records its code but never its message', async () => {
    const named = new TidemarkError('version-mismatch', 'jane@example.com is at version 3')
    for (const error of [named, new Error('jane@example.com')])
      await assert.rejects(
        telemetry.span('work', { kind: 'internal', parent }, async () => {
          throw error
        }),
        error,
      )
    await telemetry.close()
    assert.deepEqual(
      receiver.spans.map(({ isError, attributes }) => [isError, attributes['error.type']]),
      [
        [true, 'version-mismatch'],
        [true, 'internal'],
      ],
    )
    assert.ok(!JSON.stringify(receiver.spans).includes('jane'))
  })

  it('accepts an earlier start of a span', async () => {
    const began = telemetry.now()
    await until('some milliseconds to pass', () => telemetry.now() - began >= 20)
    await telemetry.span('work', { kind: 'internal', parent, began }, nothing)
    await telemetry.close()
    const [span] = receiver.spans
    assert.ok(span && span.ended - span.began >= 19, JSON.stringify(span))
  })

  it('sends every declared metric with its kind and unit', async () => {
    const names = Object.keys(METRICS) as MetricName[]
    for (const name of names) for (const value of [2, 3]) telemetry.record(name, value, { 'tidemark.handler': 'x' })
    await telemetry.close()
    const kinds = { counter: 'sum', histogram: 'histogram', gauge: 'gauge' } as const
    // The sum of a counter, the number of values of a histogram, the last value of a gauge.
    const values = { counter: 5, histogram: 2, gauge: 3 }
    for (const name of names) {
      const { kind, unit } = METRICS[name]
      const attributes = { 'tidemark.handler': 'x' }
      const point = { service: 'ordering', name, unit, kind: kinds[kind], attributes, value: values[kind] }
      assert.deepEqual(receiver.metric(name), [point])
    }
  })

  it('sends the configured service name and headers', async () => {
    const named = telemetryAt(receiver.address, { serviceName: 'shop', headers: { 'api-key': 'hidden' } })
    await named.span('work', { kind: 'internal', parent }, nothing)
    named.record('tidemark.commands', 1)
    await named.close()
    assert.deepEqual([receiver.spans[0]?.service, receiver.metric('tidemark.commands')[0]?.service], ['shop', 'shop'])
    assert.deepEqual(
      receiver.headers.map((headers) => headers['api-key']),
      ['hidden', 'hidden'],
    )
  })

  it('sends only traces without an address for metrics', async () => {
    const settings = { headers: {}, ratio: 1, batchDelayMs: 10, metricIntervalMs: 60_000 }
    const source = { service: 'ordering', instance: 'one', warn: assert.fail }
    const tracesOnly = openTelemetry({ ...settings, tracesUrl: `${receiver.address}/v1/traces` }, source)
    tracesOnly.record('tidemark.commands', 1)
    await tracesOnly.span('work', { kind: 'internal', parent }, nothing)
    await tracesOnly.close()
    assert.deepEqual([receiver.spans.length, receiver.points.size], [1, 0])
  })

  for (const [what, status] of [
    ['refuses', 401],
    ['is too busy', 503],
    ['is away', undefined],
  ] as const)
    it(`survives an endpoint that ${what}, with one log line and bounded memory`, async () => {
      if (status !== undefined) receiver.status = status
      const address = status === undefined ? `http://127.0.0.1:${await freePort()}` : receiver.address
      const away = telemetryAt(address, { headers: { 'api-key': 'hidden' } })
      const before = process.memoryUsage().heapUsed
      for (let number = 0; number < 20_000; number += 1)
        await away.span(
          'work',
          { kind: 'internal', parent, attributes: { 'tidemark.stream': `order-${number}` } },
          nothing,
        )
      away.record('tidemark.commands', 1)
      await away.close()
      assert.equal(lines.length, 1, lines.join('\n'))
      const [line = ''] = lines
      assert.match(
        line,
        /^ordering: telemetry cannot be sent to http:\/\/127\.0\.0\.1:\d+\/v1\/(traces|metrics) and is dropped/,
      )
      assert.ok(!line.includes('hidden') && !line.includes('\n'))
      const grown = (process.memoryUsage().heapUsed - before) / 1024 / 1024
      assert.ok(grown < 100, `${grown.toFixed(0)} MiB more`)
    })
})

const readTraceparent = ({ traceparent }: Span): string | undefined => traceparent
