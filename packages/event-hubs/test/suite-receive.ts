import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type EventHubConsumerClient,
  type EventPosition,
  earliestEventPosition,
  latestEventPosition,
  type ReceivedEventData,
} from '@azure/event-hubs'
import { within } from '../../test-support/wait.ts'
import {
  createConsumer,
  createProducer,
  type EventHubsTarget,
  IMPATIENT,
  listBodies,
  readCode,
  receive,
  subscribeError,
} from './support.ts'

/** Start positions, epochs and properties. */
export function receiving(target: () => EventHubsTarget): void {
  test('starts a receiver exactly at its offset, sequence number or time, inclusive or not', async (t) => {
    const producer = createProducer(t, target().connectionString, 'positions')
    const consumer = createConsumer(t, target().connectionString, 'positions')
    for (let i = 0; i < 10; i++) {
      await producer.sendBatch([{ body: i * 2 }, { body: i * 2 + 1 }])
      const { lastEnqueuedOnUtc } = await producer.getPartitionProperties('0')
      // Times are in milliseconds, and the next batch must have a later one.
      while (Date.now() <= lastEnqueuedOnUtc.getTime()) await delay(1)
    }
    const events = await receive(consumer, '0', earliestEventPosition, 20)
    assert.deepEqual(
      listBodies(events),
      Array.from({ length: 20 }, (_, i) => i),
    )
    for (const at of [0, 7, 12, 18]) {
      const { sequenceNumber, offset, enqueuedTimeUtc } = events[at] as ReceivedEventData
      const firstOfNextBatch = at - (at % 2) + 2
      await startsAt(consumer, { sequenceNumber }, at + 1)
      await startsAt(consumer, { sequenceNumber, isInclusive: true }, at)
      await startsAt(consumer, { offset }, at + 1)
      await startsAt(consumer, { offset, isInclusive: true }, at)
      await startsAt(consumer, { enqueuedOn: enqueuedTimeUtc }, firstOfNextBatch)
      await startsAt(consumer, { enqueuedOn: new Date(enqueuedTimeUtc.getTime() - 1) }, at - (at % 2))
    }
    await startsAt(consumer, { offset: '-1' }, 0)
    await startsAt(consumer, { enqueuedOn: new Date(0) }, 0)
  })

  async function startsAt(consumer: EventHubConsumerClient, position: EventPosition, first: number): Promise<void> {
    if (first >= 20) return
    const events = await receive(consumer, '0', position, 20 - first)
    assert.deepEqual(
      listBodies(events),
      Array.from({ length: 20 - first }, (_, i) => first + i),
      JSON.stringify(position),
    )
  }

  test('a receiver of the latest events gets only new events, at once', async (t) => {
    const producer = createProducer(t, target().connectionString, 'live')
    const consumer = createConsumer(t, target().connectionString, 'live')
    await producer.sendBatch([{ body: 'before' }])
    const received: unknown[] = []
    const started = Promise.withResolvers<void>()
    const last = Promise.withResolvers<void>()
    const subscription = consumer.subscribe(
      '0',
      {
        async processEvents(events, context) {
          for (const { body } of events) {
            received.push(body)
            started.resolve()
            if (body === 'last') last.resolve()
          }
          if (events.length > 0) {
            const properties = context.lastEnqueuedEventProperties
            assert.ok(Number(properties?.sequenceNumber) >= Number(events.at(-1)?.sequenceNumber) - 1)
            assert.equal(typeof properties?.offset, 'string')
            assert.ok(
              properties?.retrievedOn && properties.enqueuedOn && properties.retrievedOn >= properties.enqueuedOn,
            )
          }
        },
        async processError(error) {
          last.reject(error)
        },
      },
      { startPosition: latestEventPosition, trackLastEnqueuedEventProperties: true, maxWaitTimeInSeconds: 1 },
    )
    t.after(() => subscription.close())
    // Nothing reports when a receiver is attached, so send probes until one arrives.
    let probes = 0
    while (received.length === 0) {
      await producer.sendBatch([{ body: `probe ${probes++}` }])
      await Promise.race([started.promise, last.promise, delay(50)])
    }
    await producer.sendBatch([{ body: 'last' }])
    await within(last.promise, 'the last event')
    assert.ok(!received.includes('before'))
    const first = Number(String(received[0]).split(' ')[1])
    assert.deepEqual(received, [...Array.from({ length: probes - first }, (_, i) => `probe ${first + i}`), 'last'])
  })

  test('returns hub and partition properties, also of an empty partition', async (t) => {
    const producer = createProducer(t, target().connectionString, 'properties')
    const hub = await producer.getEventHubProperties()
    assert.deepEqual([hub.name, hub.partitionIds], ['properties', ['0', '1']])
    assert.ok(hub.createdOn.getTime() <= Date.now())
    const empty = await producer.getPartitionProperties('1')
    assert.deepEqual(
      [empty.isEmpty, empty.beginningSequenceNumber, empty.lastEnqueuedSequenceNumber, empty.lastEnqueuedOffset],
      [true, 0, -1, '-1'],
    )
    await producer.sendBatch([{ body: 1 }, { body: 2 }, { body: 3 }], { partitionId: '0' })
    const full = await producer.getPartitionProperties('0')
    const events = await receive(
      createConsumer(t, target().connectionString, 'PROPERTIES'),
      '0',
      earliestEventPosition,
      3,
    )
    const last = events.at(-1)
    assert.deepEqual(
      [full.isEmpty, full.beginningSequenceNumber, full.lastEnqueuedSequenceNumber, full.lastEnqueuedOffset],
      [false, 0, 2, last?.offset],
    )
    assert.deepEqual(full.lastEnqueuedOnUtc, last?.enqueuedTimeUtc)
  })

  test('a receiver with an epoch disconnects those of an equal or lower epoch', async (t) => {
    const { connectionString } = target()
    await createProducer(t, connectionString, 'epochs').sendBatch([{ body: 'x' }])
    const low = subscribeWith(1)
    await within(low.received, 'the receiver of epoch 1')
    const high = subscribeWith(2)
    await within(high.received, 'the receiver of epoch 2')
    assert.equal(readCode(await within(low.ended, 'the end of epoch 1')), 'ReceiverDisconnectedError')
    const equal = subscribeWith(2)
    await within(equal.received, 'the second receiver of epoch 2')
    assert.equal(readCode(await within(high.ended, 'the end of the first')), 'ReceiverDisconnectedError')
    for (const ownerLevel of [1, undefined]) {
      const lower = createConsumer(t, connectionString, 'epochs', IMPATIENT)
      const error = await subscribeError(lower, '0', {
        startPosition: earliestEventPosition,
        ...(ownerLevel && { ownerLevel }),
      })
      assert.equal(readCode(error), 'ReceiverDisconnectedError')
    }
    await createProducer(t, connectionString, 'epochs').sendBatch([{ body: 'y' }])
    await within(equal.second, 'the next event of the owner')

    function subscribeWith(ownerLevel: number): {
      received: Promise<void>
      second: Promise<void>
      ended: Promise<unknown>
    } {
      const received = Promise.withResolvers<void>()
      const second = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<unknown>()
      const subscription = createConsumer(t, connectionString, 'epochs', IMPATIENT).subscribe(
        '0',
        {
          async processEvents(events) {
            for (const { body } of events) (body === 'x' ? received : second).resolve()
          },
          async processError(error) {
            ended.resolve(error)
          },
        },
        { startPosition: earliestEventPosition, ownerLevel, maxWaitTimeInSeconds: 1 },
      )
      t.after(() => subscription.close())
      return { received: received.promise, second: second.promise, ended: ended.promise }
    }
  })
}
