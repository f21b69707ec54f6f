import assert from 'node:assert/strict'
import { test } from 'node:test'
import { earliestEventPosition, type ReceivedEventData } from '@azure/event-hubs'
import { within } from '../../test-support/wait.ts'
import { assertRunsOn } from './suite-send.ts'
import { createConsumer, createProducer, type EventHubsTarget, PATIENT, receive } from './support.ts'

const SENDERS = 6
/** The time-out shows a sender that its server was killed. If the server is only slow, the batch is sent again. */
const ONE_TRY = { retryOptions: { maxRetries: 0, timeoutInMs: 500 } }

/** Events and clients survive the end of the server. */
export function faults(target: () => EventHubsTarget): void {
  test('after a SIGKILL during sends every acknowledged event is stored, in order', async (t) => {
    const { connectionString, kill } = target()
    if (!kill) return t.skip('this target cannot be killed')
    const acknowledged: number[] = Array(SENDERS).fill(0)
    for (let round = 0; round < 3; round++) {
      let killed = false
      const enough = Promise.withResolvers<void>()
      const sending = acknowledged.map(async (_, sender) => {
        const producer = createProducer(t, connectionString, 'killed', ONE_TRY)
        for (;;) {
          const from = acknowledged[sender] ?? 0
          const events = Array.from({ length: 5 }, (_, i) => ({ body: { sender, n: from + i, text: 'x'.repeat(300) } }))
          try {
            await producer.sendBatch(events, { partitionId: String(sender % 2) })
          } catch {
            if (killed) return
            continue
          }
          acknowledged[sender] = from + 5
          if (acknowledged.every((count) => count >= (round + 1) * 50)) enough.resolve()
        }
      })
      await within(enough.promise, 'acknowledgements', () => acknowledged)
      killed = true
      await kill()
      await within(Promise.all(sending), 'the senders to notice')
    }
    const consumer = createConsumer(t, connectionString, 'killed')
    const producer = createProducer(t, connectionString, 'killed')
    for (const partition of ['0', '1']) {
      const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties(partition)
      const events = await receive(consumer, partition, earliestEventPosition, lastEnqueuedSequenceNumber + 1)
      assertRunsOn(events, 0)
      for (const [sender, count] of acknowledged.entries()) {
        if (sender % 2 === Number(partition)) assertKept(events, sender, count)
      }
      await producer.sendBatch([{ body: 'after' }], { partitionId: partition })
      const [next] = await receive(consumer, partition, { sequenceNumber: lastEnqueuedSequenceNumber }, 1)
      assert.deepEqual([next?.body, next?.sequenceNumber], ['after', lastEnqueuedSequenceNumber + 1])
    }
  })

  /** A batch that was stored but not acknowledged is stored twice as a whole, because the sender repeats it. */
  function assertKept(events: readonly ReceivedEventData[], sender: number, count: number): void {
    const own = events.filter(({ body }) => body.sender === sender)
    let expected = 0
    for (const { body } of own) {
      if (body.n === expected - 5 && body.n % 5 === 0) expected -= 5
      assert.equal(body.n, expected++)
      assert.equal(body.text.length, 300)
    }
    assert.ok(expected >= count, `sender ${sender}: ${expected} of ${count} acknowledged events`)
  }

  test('a producer and a consumer continue after a restart of the server, and miss nothing', async (t) => {
    const { connectionString, restart, kill } = target()
    if (!restart || !kill) return t.skip('this target cannot be restarted')
    const producer = createProducer(t, connectionString, 'restarted', PATIENT)
    const consumer = createConsumer(t, connectionString, 'restarted', PATIENT)
    const received = new Map<number, number>()
    let watch = (): void => {}
    const subscription = consumer.subscribe(
      '0',
      {
        async processEvents(events) {
          for (const { body, sequenceNumber } of events) received.set(body, sequenceNumber)
          watch()
        },
        // The SDK reports a lost connection here, and then reconnects.
        async processError() {},
      },
      { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
    )
    t.after(() => subscription.close())
    const sendAndReceive = async (body: number): Promise<void> => {
      await within(producer.sendBatch([{ body }]), `the acknowledgement of ${body}`)
      const arrived = Promise.withResolvers<void>()
      watch = () => {
        if (received.has(body)) arrived.resolve()
      }
      watch()
      await within(arrived.promise, `event ${body}`)
    }
    await sendAndReceive(0)
    await restart()
    await sendAndReceive(1)
    await kill()
    await sendAndReceive(2)
    assert.deepEqual([...received.keys()], [0, 1, 2])
    const sequences = [...received.values()]
    assert.deepEqual(
      sequences,
      [...sequences].sort((a, b) => a - b),
    )
  })
}
