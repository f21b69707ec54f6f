/**
 * A consumer with checkpoints in blobs, in its own process so that it can be killed. It reports to its parent
 * which partitions it owns and what it receives, each batch before its checkpoint. Its options are the first
 * argument, as JSON.
 */
import { EventHubConsumerClient, earliestEventPosition } from '@azure/event-hubs'
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob'
import { ContainerClient } from '@azure/storage-blob'

export interface MemberOptions {
  readonly connectionString: string
  readonly hub: string
  readonly blobs: string
  readonly container: string
  /** How long a silent consumer keeps its partitions. */
  readonly expiryMs: number
}

export type MemberMessage =
  | { readonly kind: 'owns'; readonly partition: string }
  | { readonly kind: 'lost'; readonly partition: string }
  | {
      readonly kind: 'received'
      readonly partition: string
      readonly events: readonly [sequence: number, body: unknown][]
    }

const options: MemberOptions = JSON.parse(process.argv[2] ?? '')
const store = new BlobCheckpointStore(new ContainerClient(options.blobs, options.container))
const client = new EventHubConsumerClient('$Default', options.connectionString, options.hub, store, {
  retryOptions: { maxRetries: 40, retryDelayInMs: 200, timeoutInMs: 5000 },
  loadBalancingOptions: {
    strategy: 'greedy',
    updateIntervalInMs: 250,
    partitionOwnershipExpirationIntervalInMs: options.expiryMs,
  },
})

const tell = (message: MemberMessage): Promise<void> =>
  new Promise((resolve, reject) => {
    process.send?.(message, undefined, undefined, (error) => (error ? reject(error) : resolve()))
  })

client.subscribe(
  {
    processInitialize: ({ partitionId }) => tell({ kind: 'owns', partition: partitionId }),
    processClose: (_, { partitionId }) => tell({ kind: 'lost', partition: partitionId }),
    async processEvents(events, context) {
      const last = events.at(-1)
      if (!last) return
      await tell({
        kind: 'received',
        partition: context.partitionId,
        events: events.map(({ sequenceNumber, body }) => [sequenceNumber, body]),
      })
      await context.updateCheckpoint(last)
    },
    // A lost connection, or a partition taken by the other: the load balancer continues.
    async processError() {},
  },
  { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
)
process.on('disconnect', () => process.exit())
