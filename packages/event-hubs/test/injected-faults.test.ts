import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import {
  type EventHubConsumerClient,
  type EventPosition,
  earliestEventPosition,
  type ReceivedEventData,
} from '@azure/event-hubs'
import { within } from '../../test-support/wait.ts'
import { type ControlledEmulator, cleanUp, newFolder, startControlled } from './controlled-emulator.ts'
import { unrefRenewals } from './sdk-timers.ts'
import { captureRefusal, createConsumer, createProducer, IMPATIENT, listBodies, readCode, receive } from './support.ts'

before(unrefRenewals)
after(cleanUp)

const SENDS = 40
/**
 * After a lost connection, the SDK waits for a send's time-out before it tries again. The time-out must be
 * long enough for slow sends, which would otherwise be stored twice.
 */
const QUICK = { retryOptions: { maxRetries: 40, retryDelayInMs: 20, timeoutInMs: 2000 } }
const FAULTS = '/namespaces/emulatorNs1/faults'

async function start(throughputUnits?: number): Promise<ControlledEmulator> {
  const hubs = [{ name: 'orders', partitions: 1, consumerGroups: [] }]
  return startControlled(await newFolder(), { hubs, ...(throughputUnits && { throughputUnits }) })
}

async function setFaults({ call }: ControlledEmulator, faults: Readonly<Record<string, unknown>>): Promise<void> {
  const { status, body } = await call('PUT', FAULTS, { seed: 11, ...faults })
  assert.equal(status, 200, JSON.stringify(body))
}

/** Returns how often a fault was injected, and ends all faults. */
async function clearFaults({ call }: ControlledEmulator, name: string): Promise<number> {
  const { body } = await call('GET', FAULTS)
  await call('DELETE', FAULTS)
  return body.namespaces[0].counts[name]
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

async function sendNumbered(t: TestContext, endpoint: ControlledEmulator): Promise<void> {
  const producer = createProducer(t, endpoint.connectionString, 'orders', QUICK)
  for (const body of numbers(SENDS)) await within(producer.sendBatch([{ body }]), `the acknowledgement of ${body}`)
}

/** Returns all bodies in the log, in order. */
async function allBodies(t: TestContext, endpoint: ControlledEmulator): Promise<number[]> {
  const producer = createProducer(t, endpoint.connectionString, 'orders')
  const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties('0')
  const consumer = createConsumer(t, endpoint.connectionString, 'orders')
  const events = await receive(consumer, '0', earliestEventPosition, lastEnqueuedSequenceNumber + 1)
  return listBodies(events) as number[]
}

for (const fault of ['serverBusy', 'dropBeforeStore', 'dropAfterAck'])
  test(`${fault}: the SDK sends again or continues, and each event is stored once, in order`, async (t) => {
    const endpoint = await start()
    await setFaults(endpoint, { [fault]: 0.1 })
    await sendNumbered(t, endpoint)
    const done = await clearFaults(endpoint, fault)
    assert.ok(done > 0, 'no fault was injected')
    assert.deepEqual(await allBodies(t, endpoint), numbers(SENDS))
  })

for (const fault of ['dropBeforeAck', 'halfCloseBeforeAck'])
  test(`${fault}: the SDK sends unacknowledged events again, one duplicate per fault`, async (t) => {
    const endpoint = await start()
    await setFaults(endpoint, { [fault]: 0.1 })
    await sendNumbered(t, endpoint)
    const done = await clearFaults(endpoint, fault)
    assert.ok(done > 0, 'no fault was injected')
    const bodies = await allBodies(t, endpoint)
    assert.equal(bodies.length, SENDS + done)
    assert.deepEqual([...new Set(bodies)], numbers(SENDS))
  })

test('halfCloseAfterAck: no event is missing', async (t) => {
  const endpoint = await start()
  await setFaults(endpoint, { halfCloseAfterAck: 0.1 })
  await sendNumbered(t, endpoint)
  assert.ok((await clearFaults(endpoint, 'halfCloseAfterAck')) > 0, 'no fault was injected')
  assert.deepEqual([...new Set(await allBodies(t, endpoint))], numbers(SENDS))
})

test('drop: a receiver that keeps losing its connection gets every event once, in order', async (t) => {
  const endpoint = await start()
  await sendNumbered(t, endpoint)
  await setFaults(endpoint, { drop: 0.3 })
  const received: number[] = []
  const all = Promise.withResolvers<void>()
  const consumer = createConsumer(t, endpoint.connectionString, 'orders', QUICK)
  const subscription = consumer.subscribe(
    '0',
    {
      async processEvents(events) {
        received.push(...(listBodies(events) as number[]))
        if (received.length >= 3 * SENDS) all.resolve()
      },
      // The SDK reports a lost connection here, and then reconnects.
      async processError() {},
    },
    { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1, maxBatchSize: 20, prefetchCount: 20 },
  )
  t.after(() => subscription.close())
  await sendNumbered(t, endpoint)
  await sendNumbered(t, endpoint)
  await within(all.promise, 'every event')
  assert.ok((await clearFaults(endpoint, 'drop')) > 0, 'no fault was injected')
  assert.deepEqual(received, [...numbers(SENDS), ...numbers(SENDS), ...numbers(SENDS)])
})

test('steal: a receiver gets the error that another one has replaced it', async (t) => {
  const endpoint = await start()
  await sendNumbered(t, endpoint)
  await setFaults(endpoint, { steal: 1 })
  const stolen = Promise.withResolvers<unknown>()
  const consumer = createConsumer(t, endpoint.connectionString, 'orders', IMPATIENT)
  const subscription = consumer.subscribe(
    '0',
    {
      async processEvents() {},
      async processError(error) {
        stolen.resolve(error)
      },
    },
    { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
  )
  t.after(() => subscription.close())
  assert.equal(readCode(await within(stolen.promise, 'the loss')), 'ReceiverDisconnectedError')
})

test('duplicates: a receiver gets the events before its position again, by offset or sequence number', async (t) => {
  const endpoint = await start()
  await sendNumbered(t, endpoint)
  const consumer = createConsumer(t, endpoint.connectionString, 'orders')
  const events = await receive(consumer, '0', earliestEventPosition, SENDS)
  const { offset, sequenceNumber } = events[20] as ReceivedEventData
  await setFaults(endpoint, { duplicates: { rate: 1, events: 3 } })
  assert.equal(await firstAfter(consumer, { sequenceNumber }), 18)
  assert.equal(await firstAfter(consumer, { offset }), 18)
  assert.equal(await firstAfter(consumer, { sequenceNumber: 0, isInclusive: true }), 0)
  assert.equal(await firstAfter(consumer, { sequenceNumber: SENDS - 1 }), SENDS - 3)
  await endpoint.call('DELETE', FAULTS)
  assert.equal(await firstAfter(consumer, { offset }), 21)
})

async function firstAfter(consumer: EventHubConsumerClient, position: EventPosition): Promise<unknown> {
  const [first] = await receive(consumer, '0', position, 1)
  return first?.body
}

test('latency: acknowledgements and deliveries are delayed in order', async (t) => {
  const endpoint = await start()
  await setFaults(endpoint, { latencyMs: { min: 1, max: 20 } })
  await sendNumbered(t, endpoint)
  const bodies = await allBodies(t, endpoint)
  assert.ok((await clearFaults(endpoint, 'latencyMs')) >= SENDS)
  assert.deepEqual(bodies, numbers(SENDS))
})

test('one throughput unit takes 1,000 events a second; the SDK sends refused ones again, none twice', async (t) => {
  const endpoint = await start(1)
  const impatient = createProducer(t, endpoint.connectionString, 'orders', IMPATIENT)
  const batch = (from: number): { body: number }[] => numbers(500).map((i) => ({ body: from + i }))
  await impatient.sendBatch(batch(0))
  await impatient.sendBatch(batch(500))
  const busy = await captureRefusal(
    // One second's worth is used up. When the next batch exceeds the limit depends on the machine's speed.
    (async () => {
      for (;;) await impatient.sendBatch(batch(-1))
    })(),
  )
  assert.equal(busy.code, 'ServerBusyError')
  const taken = (await impatient.getPartitionProperties('0')).lastEnqueuedSequenceNumber + 1
  const patient = createProducer(t, endpoint.connectionString, 'orders', QUICK)
  for (let from = 1000; from < 3000; from += 500) await patient.sendBatch(batch(from))
  const bodies = await allBodies(t, endpoint)
  assert.equal(bodies.length, taken + 2000)
  assert.deepEqual(
    bodies.slice(taken),
    numbers(2000).map((i) => 1000 + i),
  )
})

test('a send larger than one second of its unit passes if nothing else was sent', async (t) => {
  const endpoint = await start(1)
  const producer = createProducer(t, endpoint.connectionString, 'orders', IMPATIENT)
  await producer.sendBatch(numbers(3000).map((body) => ({ body })))
  assert.deepEqual(await allBodies(t, endpoint), numbers(3000))
})
