import { EventHubConsumerClient } from '@azure/event-hubs'
import { DefaultAzureCredential } from '@azure/identity'
import { readSegments, type SourceHistory } from 'tidemark/verify'
import { UsageError } from '../command-line/arguments.ts'
import { openArchiveContainer } from './archive-container.ts'

/** The consumer group that every hub has, and that no trigger uses. */
const GROUP = '$Default'
const WAIT_SECONDS = 5

/**
 * The history of a service as it is stored, for checks that share no code with the services.
 * @param settings of a service that may read it.
 */
export function openSourceHistory(
  service: string,
  isInAzure: boolean,
  settings: Readonly<Record<string, string>>,
): SourceHistory & { close(): Promise<void> } {
  const client = openHub(service, settings)
  let newest = 0
  const next = new Map<string, number>()
  return {
    async *segments() {
      for await (const segment of readSegments(await openArchiveContainer(service, isInAzure), newest)) {
        yield segment
        newest = segment.number
      }
    },
    async messages(take) {
      for (const partition of await client.getPartitionIds()) await readPartition(client, partition, next, take)
    },
    close: () => client.close(),
  }
}

/** @throws UsageError if the settings name no hub. */
function openHub(hub: string, settings: Readonly<Record<string, string>>): EventHubConsumerClient {
  const { EventHubConnection: connection, EventHubConnection__fullyQualifiedNamespace: namespace } = settings
  if (connection) return new EventHubConsumerClient(GROUP, connection, hub)
  if (namespace) return new EventHubConsumerClient(GROUP, namespace, hub, new DefaultAzureCredential())
  throw new UsageError('the settings name no Event Hubs namespace: npm run cloud:settings')
}

/** Reads from the first message that was not read yet to the newest of this moment. */
async function readPartition(
  client: EventHubConsumerClient,
  partition: string,
  next: Map<string, number>,
  take: (body: unknown) => void,
): Promise<void> {
  const bounds = await client.getPartitionProperties(partition)
  const last = bounds.lastEnqueuedSequenceNumber
  const from = Math.max(bounds.beginningSequenceNumber, next.get(partition) ?? 0)
  if (bounds.isEmpty || from > last) return
  const done = Promise.withResolvers<void>()
  const subscription = client.subscribe(
    partition,
    {
      async processEvents(events) {
        for (const { sequenceNumber, body } of events) if (sequenceNumber <= last) take(parse(body))
        const end = events.at(-1)?.sequenceNumber
        // Without a message for some seconds: those that are left have expired meanwhile.
        if (end === undefined || end >= last) done.resolve()
      },
      processError: async (error) => done.reject(error),
    },
    {
      startPosition: { sequenceNumber: from, isInclusive: true },
      maxWaitTimeInSeconds: WAIT_SECONDS,
      skipParsingBodyAsJson: true,
    },
  )
  try {
    await done.promise
    next.set(partition, last + 1)
  } finally {
    await subscription.close()
  }
}

/** What is not JSON is no event. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
