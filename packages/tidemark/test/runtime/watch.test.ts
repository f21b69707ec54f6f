import assert from 'node:assert/strict'
import { after, beforeEach, describe, it } from 'node:test'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { toLogItem } from '../../core/commit.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { EventPublisher } from '../../core/ports.ts'
import type { Reaction } from '../../core/reaction.ts'
import { MAX_LINKS, NO_TELEMETRY } from '../../core/telemetry.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemorySchedule } from '../../memory/schedule.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { openTelemetry } from '../../opentelemetry/load.ts'
import { handleCommand } from '../../runtime/command.ts'
import { type Handler, handleMessages } from '../../runtime/consume.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { projection } from '../../runtime/project.ts'
import { reaction } from '../../runtime/react.ts'
import { Relay } from '../../runtime/relay.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { watchedCommands } from '../../runtime/watch.ts'
import {
  cancelled,
  type OrderEvent,
  order,
  orderEvents,
  ordering,
  orderView,
  place,
  placedV1,
  salesByProduct,
} from '../domain/orders.ts'
import { wallet, wallets } from '../domain/wallets.ts'
import { everyEvent, ManualClock, request } from '../support/fakes.ts'
import { OtlpReceiver } from '../support/otlp.ts'
import { recorded } from '../support/recorded.ts'

const traceparent = (digit: string, flags = '01'): string => `00-${digit.repeat(32)}-${digit.repeat(16)}-${flags}`
const readTraceId = (parent: string | undefined): string => parent?.split('-')[1] ?? ''

/** An order that is placed and cancelled, with a traceparent. */
const story = (id: string, parent?: string): RecordedEvent[] =>
  recorded(
    `order-${id}`,
    ...[placedV1, cancelled].map(({ type, data }) => ({
      type,
      data: { ...data, orderId: id },
      ...(parent === undefined ? {} : { traceparent: parent }),
    })),
  )

const traced = story('1', traceparent('a'))
const unsampled = story('2', traceparent('b', '00'))
const untraced = story('3')

/** Pays in for each placed order. */
const counting = (poison: ReadonlySet<string>): Reaction<OrderEvent> => ({
  name: 'counting',
  service: 'ordering',
  category: 'order',
  events: [orderEvents[0] as (typeof orderEvents)[number]],
  startsAt: 'first',
  async react({ stream, version }, send) {
    if (poison.has(stream)) throw new TypeError('no such field')
    await send(wallet, stream, `${stream}@${version}`, { type: 'pay-in', data: { amount: version } })
  },
})

/** A consumer of two views and a reaction with telemetry, and the receiver of its telemetry. */
async function consumer(poison: ReadonlySet<string> = new Set()) {
  const receiver = await OtlpReceiver.start()
  after(() => receiver.stop())
  const settings = { headers: {}, ratio: 1, batchDelayMs: 10, metricIntervalMs: 60_000 }
  const at = { tracesUrl: `${receiver.address}/v1/traces`, metricsUrl: `${receiver.address}/v1/metrics` }
  const telemetry = openTelemetry({ ...settings, ...at }, { service: 'shop', instance: 'one', warn: assert.fail })
  const clock = new ManualClock()
  const log = new MemoryEventStore()
  const deps = { service: wallets, store: log, cache: stateCache(10), clock }
  const command = watchedCommands(telemetry, (...args) => handleCommand(deps, ...args))
  const schedule = new MemorySchedule(clock)
  const reacts = { service: 'wallets', deciders: wallets.deciders, log, schedule, command, telemetry }
  const views = [orderView, salesByProduct]
  const viewDeps = { log: new MemoryEventStore(), views: new MemoryViewStores(), eventTypes: orderEvents, clock }
  const handlers: Handler[] = [
    { names: views.map(({ name }) => name), category: 'order', startsAt: 'now', ...projection(viewDeps, views) },
    { names: ['counting'], category: 'order', startsAt: 'first', ...reaction(reacts, counting(poison)) },
  ]
  const parking = new ConsumerParking({ store: new MemoryParking(), consumer: 'c', service: 'shop', build: 'b', clock })
  return {
    telemetry,
    receiver,
    log,
    deliver: (...events: readonly RecordedEvent[]) => {
      const messages = { hub: 'ordering', partition: '3', bodies: events.map(toCloudEvent) }
      const recording = { telemetry, consumer: 'shop-projections' }
      return handleMessages(handlers, messages, () => {}, { parking, recording })
    },
    /** The number of events by handler and outcome. */
    handled: () =>
      Object.fromEntries(
        receiver
          .metric('tidemark.events.handled')
          .map(({ attributes, value }) => [
            `${attributes['tidemark.handler']} ${attributes['tidemark.outcome']}`,
            value,
          ]),
      ),
  }
}

describe('the telemetry of a consumer', () => {
  it("has a span for each event and handler in the event's trace, linked to the batch", async () => {
    const { deliver, telemetry, receiver, log } = await consumer()
    await deliver(...traced, ...unsampled, ...untraced)
    await telemetry.close()
    const [batch, ...others] = receiver.spans.filter(({ name }) => name === 'process ordering')
    assert.ok(batch && others.length === 0)
    assert.deepEqual(batch.links, [{ traceId: 'a'.repeat(32), spanId: 'a'.repeat(16) }])
    assert.equal(batch.attributes['messaging.batch.message_count'], 6)
    assert.equal(batch.attributes['messaging.destination.partition.id'], '3')

    const trace = receiver.trace('a'.repeat(32))
    const linked = { traceId: batch.traceId, spanId: batch.spanId }
    const atHandlers = trace.filter(({ parentId }) => parentId === 'a'.repeat(16))
    assert.deepEqual(
      atHandlers
        .map(({ name, attributes }) => `${name} ${attributes['tidemark.stream']}@${attributes['tidemark.version']}`)
        .toSorted(),
      [
        'project order order-1@1',
        'project order order-1@2',
        'project sales-by-product order-1@1',
        'project sales-by-product order-1@2',
        'react counting order-1@1',
      ],
    )
    for (const { links, kind } of atHandlers) assert.deepEqual([links, kind], [[linked], 'consumer'])

    const react = trace.find(({ name }) => name === 'react counting')
    const command = trace.find(({ name }) => name === 'pay-in wallet')
    assert.equal(command?.parentId, react?.spanId)
    const [paidIn] = await everyEvent(log, 'wallet-order-1')
    assert.equal(paidIn?.traceparent, `00-${'a'.repeat(32)}-${command?.spanId}-01`)
    assert.equal(trace.length, 6)
  })

  it('has nothing of an unsampled trace, whose events pass it on', async () => {
    const { deliver, telemetry, receiver, log } = await consumer()
    await deliver(...unsampled)
    await telemetry.close()
    assert.deepEqual(receiver.spans, [])
    const [paidIn] = await everyEvent(log, 'wallet-order-2')
    assert.equal(paidIn?.traceparent, traceparent('b', '00'))
  })

  it('counts handled events, and repeated or irrelevant ones as skipped', async () => {
    const { deliver, telemetry, receiver, handled } = await consumer()
    for (let times = 0; times < 2; times += 1) await deliver(...traced, ...untraced)
    await telemetry.close()
    assert.deepEqual(handled(), {
      'order handled': 4,
      'order skipped': 4,
      'sales-by-product handled': 4,
      'sales-by-product skipped': 4,
      'counting handled': 2,
      'counting skipped': 6,
    })
    const [duration] = receiver.metric('tidemark.consumer.batch.duration')
    assert.deepEqual([duration?.value, duration?.unit], [2, 's'])
    assert.deepEqual(duration?.attributes, { 'tidemark.consumer': 'shop-projections', 'tidemark.outcome': 'done' })
  })

  it('counts the event that a reaction cannot process, and those after it, as parked', async () => {
    const { deliver, telemetry, receiver, handled } = await consumer(new Set(['order-1']))
    await deliver(...traced)
    await telemetry.close()
    assert.equal(handled()['counting parked'], 1)
    const react = receiver.spans.find(({ name }) => name === 'react counting')
    assert.deepEqual([react?.isError, react?.attributes['error.type']], [true, 'handler-failed'])
  })
})

describe('the telemetry of commands', () => {
  const clock = new ManualClock()
  let store: MemoryEventStore
  beforeEach(() => {
    store = new MemoryEventStore()
  })

  it('costs nothing when it is off: the command handler is the very same function', () => {
    const handle = async () => assert.fail('not called')
    assert.equal(watchedCommands(NO_TELEMETRY, handle), handle)
  })

  it('counts outcomes and appended events, and a repeat in another trace is answered as the first', async () => {
    const { telemetry, receiver } = await consumer()
    const deps = { service: ordering, store, cache: stateCache(10), clock }
    const handle = watchedCommands(telemetry, (...args) => handleCommand(deps, ...args))
    const inTrace = (digit: string, ...args: Parameters<typeof request>) => {
      const plain = request(...args)
      return { ...plain, metadata: { ...plain.metadata, traceparent: traceparent(digit) } }
    }
    const first = await handle(order, inTrace('c', 'k1', place))
    assert.deepEqual(await handle(order, inTrace('d', 'k1', place)), first)
    const refused = await handle(
      order,
      inTrace('c', 'k2', { type: 'cancel', data: { reason: 'late' } }, { stream: 'order-9' }),
    )
    assert.equal(refused.outcome, 'refused')
    await telemetry.close()

    const outcomes = receiver
      .metric('tidemark.commands')
      .map(({ attributes, value }) => [attributes['tidemark.category'], attributes['tidemark.outcome'], value])
    assert.deepEqual(outcomes.toSorted(), [
      ['order', 'done', 2],
      ['order', 'stream-not-found', 1],
    ])
    assert.deepEqual(
      receiver.metric('tidemark.events.appended').map(({ value }) => value),
      [1],
    )
    const [event] = await everyEvent(store)
    assert.equal(readTraceId(event?.traceparent), 'c'.repeat(32))
    const [span] = receiver.trace('c'.repeat(32))
    assert.equal(span?.spanId, event?.traceparent?.split('-')[2])
    assert.ok(!JSON.stringify(receiver.spans).includes('Ada'), 'no content of a command is sent')
  })
})

describe('the telemetry of the relay', () => {
  const clock = new ManualClock()

  async function relayed(events: readonly RecordedEvent[], publisher: EventPublisher) {
    const { telemetry, receiver } = await consumer()
    const parking = new ConsumerParking({
      store: new MemoryParking(),
      consumer: 'c',
      service: 'shop',
      build: 'b',
      clock,
    })
    const relay = new Relay({ service: 'ordering', publisher, parking, clock, telemetry })
    const items = events.map((event) =>
      toLogItem({ stream: event.stream, key: event.id, fingerprint: 'f', events: [event] }),
    )
    const failed = await relay
      .relay(items, () => {})
      .then(
        () => undefined,
        (error: unknown) => error,
      )
    await telemetry.close()
    const [span] = receiver.spans.filter(({ name }) => name === 'relay ordering')
    const outcomes = receiver
      .metric('tidemark.relay.batch.duration')
      .map(({ attributes, value }) => [attributes['tidemark.outcome'], value])
    return { span, outcomes, failed }
  }

  it('has a span for a batch, with a link for each trace up to the limit', async () => {
    const many = Array.from({ length: 200 }, (_, index) => {
      const [first] = story(String(index), `00-${String(index + 1).padStart(32, '0')}-${'1'.repeat(16)}-01`)
      return first as RecordedEvent
    })
    const batches = new Set<string | undefined>()
    const { span, outcomes } = await relayed(many, { publish: async (_, __, batch) => void batches.add(batch) })
    assert.equal(span?.links.length, MAX_LINKS)
    assert.deepEqual([...batches], [`00-${span?.traceId}-${span?.spanId}-01`])
    assert.deepEqual(outcomes, [['done', 1]])
  })

  it('has the code of the failure', async () => {
    const error = new TidemarkError('unavailable', 'the hub is away')
    const { span, outcomes, failed } = await relayed(traced, { publish: () => Promise.reject(error) })
    assert.equal(failed, error)
    assert.deepEqual(outcomes, [['unavailable', 1]])
    assert.deepEqual([span?.isError, span?.attributes['error.type']], [true, 'unavailable'])
  })
})
