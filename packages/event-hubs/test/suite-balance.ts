import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { EventHubConsumerClient, earliestEventPosition } from '@azure/event-hubs'
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob'
import { ContainerClient } from '@azure/storage-blob'
import { within } from '../../test-support/wait.ts'
import { type Azurite, startAzurite } from './azurite.ts'
import { createProducer, type EventHubsTarget, PATIENT } from './support.ts'

const PARTITIONS = ['0', '1', '2', '3']

/** Consumers that share a hub through checkpoints in blobs, as the Functions host does. */
export function balancing(target: () => EventHubsTarget): void {
  let azurite: Azurite
  before(async () => {
    azurite = await startAzurite()
  })
  after(() => azurite?.stop())

  test('two consumers share four partitions, and a restarted one resumes after the checkpoints', async (t) => {
    const container = new ContainerClient(azurite.connectionString, 'checkpoints')
    await container.create()
    const producer = createProducer(t, target().connectionString, 'balanced')
    const send = async (round: number): Promise<void> => {
      for (const partitionId of PARTITIONS)
        await producer.sendBatch([{ body: `${round}.${partitionId}.a` }, { body: `${round}.${partitionId}.b` }], {
          partitionId,
        })
    }
    const bodies = (round: number): string[] =>
      PARTITIONS.flatMap((partition) => [`${round}.${partition}.a`, `${round}.${partition}.b`])

    await send(1)
    const one = member(t, container)
    await one.until('every event of round 1', () => one.received.length >= 8)
    assert.deepEqual([...one.received].sort(), bodies(1))

    const two = member(t, container)
    await two.until('two partitions each', () => two.owned.size === 2 && one.owned.size === 2)
    assert.deepEqual([...one.owned, ...two.owned].sort(), PARTITIONS)
    await send(2)
    const selectRound2 = (): string[] => [...one.received, ...two.received].filter((body) => body.startsWith('2.'))
    await two.until('every event of round 2', () => selectRound2().length >= 8)
    assert.deepEqual(selectRound2().sort(), bodies(2))

    await one.stop()
    await two.stop()
    await send(3)
    const three = member(t, container)
    await three.until('every event of round 3', () => three.received.length >= 8)
    assert.deepEqual([...three.received].sort(), bodies(3))
    await three.stop()
  })

  interface Consumer {
    readonly received: string[]
    readonly owned: Set<string>
    /** Settles when `condition` holds. It is checked whenever something happens to any consumer. */
    until(what: string, condition: () => boolean): Promise<void>
    stop(): Promise<void>
  }

  const watchers = new Set<() => void>()

  function member(t: TestContext, container: ContainerClient): Consumer {
    const client = new EventHubConsumerClient(
      '$Default',
      target().connectionString,
      'balanced',
      new BlobCheckpointStore(container),
      {
        ...PATIENT,
        loadBalancingOptions: {
          strategy: 'greedy',
          updateIntervalInMs: 250,
          partitionOwnershipExpirationIntervalInMs: 20_000,
        },
      },
    )
    const received: string[] = []
    const owned = new Set<string>()
    const changed = (): void => {
      for (const watcher of watchers) watcher()
    }
    const subscription = client.subscribe(
      {
        async processInitialize({ partitionId }) {
          owned.add(partitionId)
          changed()
        },
        async processClose(_, { partitionId }) {
          owned.delete(partitionId)
          changed()
        },
        async processEvents(events, context) {
          const last = events.at(-1)
          if (!last) return
          await context.updateCheckpoint(last)
          received.push(...events.map(({ body }) => body as string))
          changed()
        },
        // Another consumer has taken a partition: the load balancer continues.
        async processError(error) {
          if ((error as { code?: string }).code !== 'ReceiverDisconnectedError') t.diagnostic(String(error))
        },
      },
      { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
    )
    const stop = async (): Promise<void> => {
      await subscription.close()
      await client.close()
    }
    t.after(stop)
    return {
      received,
      owned,
      stop,
      async until(what, condition) {
        const holds = Promise.withResolvers<void>()
        const watcher = (): void => {
          if (condition()) holds.resolve()
        }
        watchers.add(watcher)
        watcher()
        await within(holds.promise, what, () => ({ received, owned })).finally(() => watchers.delete(watcher))
      },
    }
  }
}
