import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { HttpRequest, InvocationContext } from '@azure/functions'
import { type CommandPort, postCommand } from '../../azure-functions/commands.ts'
import { TidemarkError } from '../../core/errors.ts'
import { NO_TELEMETRY, type Telemetry } from '../../core/telemetry.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { openTelemetry } from '../../opentelemetry/load.ts'
import { handleCommand } from '../../runtime/command.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { watchedCommands } from '../../runtime/watch.ts'
import { anything, thing } from '../domain/anything.ts'
import { everyEvent, ManualClock } from '../support/fakes.ts'
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp.ts'

const clients = `00-${'c'.repeat(32)}-${'c'.repeat(16)}-01`
const hosts = `00-${'d'.repeat(32)}-${'d'.repeat(16)}-01`
const unsampled = (traceparent: string): string => traceparent.replace(/01$/, '00')

describe('the trace of a command over HTTP', () => {
  let receiver: OtlpReceiver
  before(async () => {
    receiver = await OtlpReceiver.start()
  })
  after(() => receiver.stop())
  beforeEach(() => {
    receiver.spans.length = 0
  })

  const sending = (): Telemetry =>
    openTelemetry(
      { tracesUrl: `${receiver.address}/v1/traces`, headers: {}, ratio: 1, batchDelayMs: 10, metricIntervalMs: 60_000 },
      { service: 'anything', instance: 'one', warn: assert.fail },
    )

  /** Sends a command. @returns the answer, the events it appended, and the span of the request. */
  async function send(
    { header, host, body = '{"value":1}' }: { header?: string; host?: string; body?: string },
    telemetry = sending(),
    command?: CommandPort['command'],
  ) {
    const store = new MemoryEventStore()
    const deps = { service: anything, store, cache: stateCache(10), clock: new ManualClock() }
    const port: CommandPort = {
      name: 'anything',
      command: command ?? watchedCommands(telemetry, (...args) => handleCommand(deps, ...args)),
      ids: () => 'an-id',
      actorSource: 'nobody',
      telemetry,
    }
    const request = new HttpRequest({
      method: 'POST',
      url: 'http://localhost/api/anything/things/1/keep',
      params: { id: '1', command: 'keep' },
      headers: { 'content-type': 'application/json', ...(header === undefined ? {} : { traceparent: header }) },
      body: { string: body },
    })
    const traceContext = host === undefined ? {} : { traceContext: { traceParent: host } }
    const context = new InvocationContext({ ...traceContext, logHandler: () => {} })
    const answer = await postCommand(port, thing, ['keep']).handle(request, context)
    await telemetry.close()
    const [event] = await everyEvent(store, 'thing-1')
    const span: ReceivedSpan | undefined = receiver.spans.find(({ kind }) => kind === 'server')
    return { answer, traceparent: event?.traceparent, span }
  }

  for (const [what, parents, traceId, parentId] of [
    ["continues the request's trace", { header: clients, host: hosts }, 'c', 'c'],
    ["continues the host's trace when that is sampled", { host: hosts }, 'd', 'd'],
    ["continues the host's trace when the request has none", { header: 'nonsense', host: hosts }, 'd', 'd'],
  ] as const)
    it(what, async () => {
      const { span, traceparent } = await send(parents)
      assert.equal(span?.traceId, traceId.repeat(32))
      assert.equal(span?.parentId, parentId.repeat(16))
      assert.match(String(traceparent), new RegExp(`^00-${traceId}{32}-[0-9a-f]{16}-01$`))
    })

  it("starts a new trace when the host only passes an id on, which is not the caller's choice", async () => {
    const { span, traceparent } = await send({ host: unsampled(hosts) })
    assert.ok(span && span.traceId !== 'd'.repeat(32) && span.parentId === '')
    assert.ok(traceparent?.startsWith(`00-${span.traceId}-`))
  })

  it('is absent when the request is not sampled', async () => {
    const { span, traceparent } = await send({ header: unsampled(clients), host: hosts })
    assert.deepEqual([span, traceparent], [undefined, unsampled(clients)])
  })

  it("is the request's own when no tracer is registered", async () => {
    assert.equal((await send({ header: clients, host: hosts }, NO_TELEMETRY)).traceparent, clients)
    assert.equal((await send({ host: hosts }, NO_TELEMETRY)).traceparent, undefined)
  })

  it("marks a service's failure as an error, and a client's mistake not", async () => {
    const { answer, span } = await send({ header: clients, body: 'no JSON' })
    assert.deepEqual([answer.status, span?.attributes['http.response.status_code'], span?.isError], [400, 400, false])
    receiver.spans.length = 0
    const away = await send({ header: clients }, sending(), () =>
      Promise.reject(new TidemarkError('unavailable', 'the store of jane@example.com is away')),
    )
    assert.deepEqual([away.answer.status, away.span?.isError, away.span?.attributes['error.type']], [503, true, '503'])
    assert.ok(!JSON.stringify(receiver.spans).includes('jane'))
  })
})
