import assert from 'node:assert/strict'
import { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } from '@azure/event-hubs'
import { packedEmulatorSuite } from '../../test-support/packed-emulator.ts'

const findConnectionString = (printed: string): string => /^Endpoint=.*$/m.exec(printed)?.[0] ?? ''

/** Returns the bodies in the only partition, in order. */
async function received(printed: string, count: number): Promise<readonly unknown[]> {
  const consumer = new EventHubConsumerClient('audit', findConnectionString(printed), 'orders')
  const bodies: unknown[] = []
  try {
    await new Promise<void>((resolve, reject) => {
      consumer.subscribe(
        '0',
        {
          processEvents: async (events) => {
            bodies.push(...events.map(({ body }) => body))
            if (bodies.length >= count) resolve()
          },
          processError: async (error) => reject(error),
        },
        { startPosition: earliestEventPosition },
      )
    })
  } finally {
    await consumer.close()
  }
  return bodies
}

async function check(printed: string): Promise<void> {
  assert.deepEqual(await received(printed, 2), ['placed', 'paid'])
}

packedEmulatorSuite({
  folder: 'event-hubs',
  args: ['--hub', 'orders:1:audit'],
  beside: ['@azure/event-hubs'],
  async use(printed) {
    const producer = new EventHubProducerClient(findConnectionString(printed), 'orders')
    await producer.sendBatch([{ body: 'placed' }, { body: 'paid' }], { partitionId: '0' })
    await producer.close()
    await check(printed)
  },
  check,
  readmeSays: /^0,1,2,3$/m,
})
