import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventHubBufferedProducerClient, earliestEventPosition, type ReceivedEventData } from '@azure/event-hubs'
import { mapPartitionKeyToId } from '../../../node_modules/@azure/event-hubs/dist/esm/impl/partitionKeyToIdMapper.js'
import { createConsumer, createProducer, type EventHubsTarget, listBodies, PATIENT, receive } from './support.ts'

/** Keys of every length modulo the hash's 12-byte block, and beyond ASCII. */
const KEYS = [
  ...Array.from({ length: 150 }, (_, i) => `order-${i}-${'x'.repeat(i % 41)}`),
  ...Array.from({ length: 26 }, (_, i) => 'abcdefghijklmnopqrstuvwxyz'.slice(0, i + 1)),
  'ключ',
  '鍵',
  '🗝️',
]

/** Which partition events go to, and that they arrive unchanged. */
export function sending(target: () => EventHubsTarget): void {
  test("a partition key's events go to the partition of the SDK's own hash", async (t) => {
    const producer = createProducer(t, target().connectionString, 'keys')
    const consumer = createConsumer(t, target().connectionString, 'keys')
    await Promise.all(KEYS.map((key) => producer.sendBatch([{ body: key }], { partitionKey: key })))
    for (let partition = 0; partition < 8; partition++) {
      const expected = KEYS.filter((key) => mapPartitionKeyToId(key, 8) === partition).sort()
      const events = await receive(consumer, String(partition), earliestEventPosition, expected.length)
      assert.deepEqual(listBodies(events).sort(), expected)
      for (const event of events) assert.equal(event.partitionKey, event.body)
    }
  })

  test('a buffered producer and a direct one send a key to the same partition', async (t) => {
    const direct = createProducer(t, target().connectionString, 'buffered')
    const consumer = createConsumer(t, target().connectionString, 'buffered')
    const failures: unknown[] = []
    const buffered = new EventHubBufferedProducerClient(target().connectionString, 'buffered', {
      ...PATIENT,
      maxWaitTimeInMs: 50,
      onSendEventsErrorHandler: async ({ error }) => void failures.push(error),
    })
    t.after(() => buffered.close())
    const keys = KEYS.slice(0, 40)
    for (const key of keys) {
      await direct.sendBatch([{ body: key }], { partitionKey: key })
      await buffered.enqueueEvent({ body: key }, { partitionKey: key })
    }
    await buffered.flush()
    assert.deepEqual(failures, [])
    for (let partition = 0; partition < 8; partition++) {
      const expected = keys.filter((key) => mapPartitionKeyToId(key, 8) === partition)
      const events = await receive(consumer, String(partition), earliestEventPosition, expected.length * 2)
      assert.deepEqual(listBodies(events).sort(), [...expected, ...expected].sort())
    }
  })

  test("keeps the order of each key's events while many producers send at once", async (t) => {
    const consumer = createConsumer(t, target().connectionString, 'ordered')
    const keys = Array.from({ length: 12 }, (_, i) => `stream-${i}`)
    await Promise.all(
      keys.map(async (key) => {
        const producer = createProducer(t, target().connectionString, 'ordered')
        for (let version = 0; version < 20; version += 2) {
          const events = [{ body: { key, version } }, { body: { key, version: version + 1 } }]
          await producer.sendBatch(events, { partitionKey: key })
        }
      }),
    )
    for (let partition = 0; partition < 4; partition++) {
      const here = keys.filter((key) => mapPartitionKeyToId(key, 4) === partition)
      const events = await receive(consumer, String(partition), earliestEventPosition, here.length * 20)
      for (const key of here) {
        const versions = listBodies(events.filter(({ partitionKey }) => partitionKey === key))
        assert.deepEqual(
          versions,
          Array.from({ length: 20 }, (_, version) => ({ key, version })),
        )
      }
      assertRunsOn(events, 0)
    }
  })

  test('sends without a key go to each partition in turn, and sends to a partition to it', async (t) => {
    const producer = createProducer(t, target().connectionString, 'robin')
    const consumer = createConsumer(t, target().connectionString, 'robin')
    for (let i = 0; i < 8; i++) await producer.sendBatch([{ body: 'turn' }])
    for (let partition = 0; partition < 4; partition++)
      await producer.sendBatch([{ body: partition }], { partitionId: String(partition) })
    for (let partition = 0; partition < 4; partition++) {
      const events = await receive(consumer, String(partition), earliestEventPosition, 3)
      assert.deepEqual(listBodies(events), ['turn', 'turn', partition])
    }
  })

  test('delivers a batch whole, in order and with every property, but no forged annotation', async (t) => {
    const producer = createProducer(t, target().connectionString, 'annotated')
    const consumer = createConsumer(t, target().connectionString, 'annotated')
    const batch = await producer.createBatch({ partitionKey: 'k' })
    const properties = { text: 'a', number: 1.5, flag: true }
    const plain = { contentType: 'application/json', messageId: 'm-1', correlationId: 'c-1', properties }
    for (let i = 0; i < 500; i++) assert.ok(batch.tryAdd({ body: { i, text: 'ü' }, ...plain }))
    const forged = { body: 'forged', messageAnnotations: { 'x-opt-sequence-number': 999, 'x-opt-mine': 'kept' } }
    assert.ok(batch.tryAdd({ ...forged, bodyType: 'data' }))
    await producer.sendBatch(batch)
    await producer.sendBatch([{ body: Buffer.from([0, 1, 255]) }])
    const events = await receive(consumer, '0', earliestEventPosition, 502)
    assertRunsOn(events, 0)
    assert.equal(events[500]?.systemProperties?.['x-opt-mine'], 'kept')
    for (const [i, event] of events.slice(0, 500).entries()) {
      assert.equal(event.partitionKey, 'k')
      assert.deepEqual(event.body, { i, text: 'ü' })
      assert.deepEqual(event.properties, properties)
      assert.deepEqual([event.contentType, event.messageId, event.correlationId], ['application/json', 'm-1', 'c-1'])
    }
    // The SDK gives an annotated message no key, so it has the key of its batch.
    assert.equal(events[500]?.partitionKey, 'k')
    assert.deepEqual(events[501]?.body, Buffer.from([0, 1, 255]))
    assert.equal(events[501]?.partitionKey, undefined)
  })
}

/** Asserts that sequence numbers are dense from `first`, offsets are growing strings, and times never go back. */
export function assertRunsOn(events: readonly ReceivedEventData[], first: number): void {
  for (const [i, event] of events.entries()) {
    assert.equal(event.sequenceNumber, first + i)
    assert.equal(typeof event.offset, 'string')
    const before = events[i - 1]
    if (!before) continue
    assert.ok(Number(event.offset) > Number(before.offset))
    assert.ok(event.enqueuedTimeUtc >= before.enqueuedTimeUtc)
  }
}
