import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Container } from '@azure/cosmos'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import { until } from '../../packages/test-support/wait.ts'
import { OtlpReceiver, type ReceivedSpan } from '../../packages/tidemark/test/support/otlp.ts'
import { placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

const CLIENT = '00f067aa0ba902b7'
const traceparent = (traceId: string, flags = '01'): string => `00-${traceId}-${CLIENT}-${flags}`

/** The expected spans of one order: the parent span, the service and the name. */
const PATH = [
  [undefined, 'ordering', 'POST order place'],
  ['POST order place', 'ordering', 'place order'],
  ['place order', 'ordering', 'execute_batch events'],
  ['place order', 'ordering', 'send ordering'],
  ['place order', 'ordering', 'project order'],
  ['place order', 'inventory', 'react stock-reservation'],
  ['react stock-reservation', 'inventory', 'reserve stock'],
  ['react stock-reservation', 'inventory', 'reserve reservation'],
  ['reserve stock', 'inventory', 'execute_batch events'],
  ['reserve stock', 'inventory', 'project stock-level'],
  ['reserve reservation', 'inventory', 'send inventory'],
  // Back in ordering, and on to payments.
  ['reserve reservation', 'ordering', 'react fulfilment-reservation'],
] as const

describe('telemetry of the running system', () => {
  let system: System
  let receiver: OtlpReceiver
  let output = ''
  before(async () => {
    receiver = await OtlpReceiver.start()
    system = await System.cloudAlone()
    await system.startHost({
      preload: {
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.address,
          OTEL_BSP_SCHEDULE_DELAY: '50',
          OTEL_METRIC_EXPORT_INTERVAL: '500',
        },
      },
      onOutput: (text) => {
        output += text
      },
    })
    for (const { sku } of placeBody.lines)
      await system.createClient('inventory').post(`/stock/${sku}/receive`, { quantity: 1000 }, {})
  })
  after(async () => {
    await system.remove()
    await receiver.stop()
  })

  /** Places an order. @returns its id, once it is confirmed and every service has handled it. */
  async function place(traceId: string, flags?: string): Promise<string> {
    const { status, body } = await system.client.post('/orders', placeBody, {
      traceparent: traceparent(traceId, flags),
    })
    assert.equal(status, 201, JSON.stringify(body))
    await until(
      `${body.id} to be confirmed`,
      async () => (await system.callOnceSeen('GET', `/orders/${body.id}?position=${body.position}`)).body.status,
      (state) => state === 'confirmed',
    )
    return body.id
  }

  const find = (trace: readonly ReceivedSpan[], service: string, name: string, below: readonly ReceivedSpan[]) =>
    trace.filter(
      (span) => span.service === service && span.name === name && below.some(({ spanId }) => spanId === span.parentId),
    )

  /** The spans of `PATH` found so far, each below its expected parent. */
  function findPath(traceId: string): ReadonlyMap<string, readonly ReceivedSpan[]> {
    const trace = receiver.trace(traceId)
    const found = new Map<string, readonly ReceivedSpan[]>()
    const client = [{ spanId: CLIENT } as ReceivedSpan]
    for (const [above, service, name] of PATH) {
      const below =
        above === undefined ? client : [...found].flatMap(([key, spans]) => (key.endsWith(above) ? spans : []))
      const key = `${above ?? 'client'} > ${service} ${name}`
      const spans = find(trace, service, name, below)
      if (spans.length > 0) found.set(key, spans)
    }
    return found
  }

  const complete = (traceId: string) =>
    until(
      'the whole trace',
      () => [...findPath(traceId).keys()],
      (found) => found.length === PATH.length,
    )

  it("has one trace from the request to the views, other services' reactions and their commands", async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const id = await place(traceId)
    await complete(traceId)

    await until(
      'every service, and each span below another of the trace',
      () => {
        const trace = receiver.trace(traceId)
        const known = new Set([CLIENT, ...trace.map(({ spanId }) => spanId)])
        const orphans = trace.filter(({ parentId }) => !known.has(parentId)).map(({ name }) => name)
        return [...new Set(trace.map(({ service }) => service)).values(), ...orphans].toSorted()
      },
      (seen) => seen.join() === 'inventory,ordering,payments,shipping',
    )
    const trace = receiver.trace(traceId)
    const [request] = trace.filter(({ kind }) => kind === 'server')
    assert.equal(request?.attributes['http.response.status_code'], 201)
    assert.equal(request?.attributes['tidemark.stream'], `order-${id}`)
    for (const text of [placeBody.customerId, placeBody.shippingAddress.street, placeBody.shippingAddress.city])
      assert.ok(!JSON.stringify(receiver.spans).includes(text), `${text} is in a span`)
  })

  it('has batches as traces of their own, linked with the traces of their events in both directions', async () => {
    const traceId = '11112222333344445555666677778888'
    await place(traceId)
    await complete(traceId)
    for (const [batch, name] of [
      ['relay ordering', 'send ordering'],
      ['process ordering', 'project order'],
      ['process ordering', 'react stock-reservation'],
    ] as const) {
      const [span] = receiver.trace(traceId).filter((each) => each.name === name)
      const isLinked = ({ links }: ReceivedSpan, to: Pick<ReceivedSpan, 'traceId' | 'spanId'>): boolean =>
        links.some((link) => link.traceId === to.traceId && link.spanId === to.spanId)
      const its = await until(`the batch of ${name}`, () =>
        receiver.spans.find((each) => each.name === batch && span !== undefined && isLinked(span, each)),
      )
      assert.notEqual(its.traceId, traceId)
      assert.equal(its.parentId, '')
      assert.ok(its.links.some((link) => link.traceId === traceId))
    }
  })

  it("has the trace in all events that follow, also in another service's log", async () => {
    const traceId = 'aaaabbbbccccddddeeeeffff00001111'
    await place(traceId)
    await complete(traceId)
    for (const service of ['ordering', 'inventory', 'payments']) {
      const events = await everyEvent(system.openLog(service))
      const its = events.filter((event) => event.traceparent?.includes(traceId))
      assert.ok(its.length > 0, `nothing of ${service}`)
      await until(
        `the spans of all commands of ${service}`,
        () => {
          const spans = new Set(receiver.trace(traceId).map(({ spanId }) => spanId))
          return its.filter((event) => !spans.has(event.traceparent?.split('-')[2] ?? '')).map(({ stream }) => stream)
        },
        (missing) => missing.length === 0,
      )
    }
  })

  it('has nothing of an unsampled request, whose trace continues in the logs', async () => {
    const traceId = '99998888777766665555444433332222'
    await place(traceId, '00')
    // Later spans have arrived, so this one would have too.
    const later = '22223333444455556666777788889999'
    await place(later)
    await complete(later)
    assert.deepEqual(receiver.trace(traceId), [])
    assert.ok(!receiver.spans.some(({ links }) => links.some((link) => link.traceId === traceId)))
    const events = await everyEvent(system.openLog('payments'))
    assert.ok(events.some((event) => event.traceparent === traceparent(traceId, '00')))
  })

  it('has metrics of commands, events and batches, by service, handler and outcome', async () => {
    const sum = (name: string, service: string, attributes: Readonly<Record<string, string>>): number =>
      receiver
        .metric(name)
        .filter((point) => point.service === service)
        .filter((point) => Object.entries(attributes).every(([key, value]) => point.attributes[key] === value))
        .reduce((total, { value }) => total + value, 0)
    const done = { 'tidemark.outcome': 'done' }
    for (const [name, service, attributes] of [
      ['tidemark.commands', 'ordering', { 'tidemark.category': 'order', ...done }],
      ['tidemark.commands', 'inventory', { 'tidemark.category': 'stock', ...done }],
      ['tidemark.command.duration', 'ordering', done],
      ['tidemark.events.appended', 'payments', { 'tidemark.category': 'payment' }],
      ['tidemark.events.published', 'ordering', {}],
      ['tidemark.relay.batch.duration', 'ordering', done],
      ['tidemark.events.handled', 'ordering', { 'tidemark.handler': 'order', 'tidemark.outcome': 'handled' }],
      [
        'tidemark.events.handled',
        'inventory',
        { 'tidemark.handler': 'stock-reservation', 'tidemark.outcome': 'handled' },
      ],
      ['tidemark.consumer.batch.duration', 'ordering', { 'tidemark.consumer': 'ordering-views', ...done }],
    ] as const)
      await until(`${name} of ${service}`, () => sum(name, service, attributes) > 0)
  })

  it('does not disturb orders without its endpoint, and each service logs it once', async () => {
    await receiver.stop()
    const countLines = (service: string): number => output.split(`${service}: telemetry cannot be sent to`).length - 1
    for (let number = 0; number < 3; number += 1) await place(`0000000000000000000000000000000${number + 1}`)
    for (const service of ['ordering', 'inventory', 'payments'])
      await until(`the line of ${service}`, () => countLines(service) > 0)
    await place('00000000000000000000000000000009')
    for (const service of ['ordering', 'inventory', 'payments', 'shipping']) assert.ok(countLines(service) <= 1, output)
  })
})

async function everyEvent(log: Container) {
  const { events, faults } = readLog(await readRawLog(log))
  assert.deepEqual(faults, [])
  return events
}
