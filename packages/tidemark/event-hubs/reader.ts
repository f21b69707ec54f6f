import { EventHubConsumerClient, type ReceivedEventData } from '@azure/event-hubs'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { HubMessage, HubReader } from '../core/ports.ts'
import type { EventHubsConnection } from './publisher.ts'

/**
 * The consumer group that every hub has. Triggers own the partitions of their own groups exclusively, so
 * nobody else can read in those.
 * https://learn.microsoft.com/azure/event-hubs/event-hubs-features#consumer-groups
 */
const GROUP = '$Default'
const PAGE = 300
const WAIT_SECONDS = 5
const options = { retryOptions: { retryDelayInMs: 200, maxRetries: 3, timeoutInMs: 10_000 } }

/** Creates a client that reads single messages of a hub. It connects on first use. */
export function eventHubConsumer(connection: EventHubsConnection, hub: string): EventHubConsumerClient {
  return 'connectionString' in connection
    ? new EventHubConsumerClient(GROUP, connection.connectionString, hub, options)
    : new EventHubConsumerClient(GROUP, connection.namespace, hub, connection.credential, options)
}

/** Reads a hub from any offset, independently of its triggers. */
export class EventHubsReader implements HubReader {
  readonly #client: EventHubConsumerClient
  readonly #onClose: () => void
  #partitions: readonly string[] | undefined

  constructor(client: EventHubConsumerClient, onClose: () => void = () => {}) {
    this.#client = client
    this.#onClose = onClose
  }

  async partitions(): Promise<readonly string[]> {
    // The number of partitions is fixed except on Premium. A new partition is found at the next start.
    this.#partitions ??= await this.#client.getPartitionIds().catch(unavailable)
    return this.#partitions
  }

  close(): Promise<void> {
    this.#onClose()
    return this.#client.close()
  }

  async madeAt(): Promise<string> {
    const { createdOn } = await this.#client.getEventHubProperties().catch(unavailable)
    return createdOn.toISOString()
  }

  async bounds(partition: string): Promise<{ readonly first: number; readonly last: number }> {
    const { beginningSequenceNumber, lastEnqueuedSequenceNumber, isEmpty } = await this.#client
      .getPartitionProperties(partition)
      .catch(unavailable)
    const last = lastEnqueuedSequenceNumber
    return { first: isEmpty ? last + 1 : beginningSequenceNumber, last }
  }

  /** Whether a read up to this number can still receive a message: the number exists and has not expired. */
  async #reaches(partition: string, to: number): Promise<boolean> {
    const { first, last } = await this.bounds(partition)
    return first <= to && to <= last
  }

  async *read(partition: string, from: number, to: number): AsyncIterable<readonly HubMessage[]> {
    const pages = new Pages()
    const subscription = this.#client.subscribe(
      partition,
      {
        processEvents: (events) => pages.put(events),
        processError: async (error) => pages.fail(error),
      },
      {
        startPosition: { sequenceNumber: from, isInclusive: true },
        maxBatchSize: PAGE,
        maxWaitTimeInSeconds: WAIT_SECONDS,
        skipParsingBodyAsJson: true,
      },
    )
    try {
      for (;;) {
        const events = await pages.take().catch(unavailable)
        const page = events.filter(({ sequenceNumber }) => sequenceNumber <= to).map(toHubMessage)
        if (page.length > 0) yield page
        const last = events.at(-1)
        if (last ? last.sequenceNumber >= to : !(await this.#reaches(partition, to))) return
      }
    } finally {
      pages.end()
      await subscription.close()
    }
  }
}

/** Passes pages from a subscription to its reader one at a time, so that at most one page waits in memory. */
class Pages {
  #waiting: PromiseWithResolvers<readonly ReceivedEventData[]> = Promise.withResolvers()
  #taken: PromiseWithResolvers<void> = Promise.withResolvers()
  #ended = false
  #failure: { readonly error: unknown } | undefined

  constructor() {
    this.#waiting.promise.catch(() => {})
  }

  /** Resolves when the reader asks for the next page. */
  async put(events: readonly ReceivedEventData[]): Promise<void> {
    if (this.#ended) return
    this.#waiting.resolve(events)
    await this.#taken.promise
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#waiting.reject(error)
  }

  async take(): Promise<readonly ReceivedEventData[]> {
    const events = await this.#waiting.promise
    if (this.#failure) throw this.#failure.error
    this.#waiting = Promise.withResolvers()
    this.#waiting.promise.catch(() => {})
    const taken = this.#taken
    this.#taken = Promise.withResolvers()
    taken.resolve()
    return events
  }

  end(): void {
    this.#ended = true
    this.#taken.resolve()
  }
}

function toHubMessage({ sequenceNumber, enqueuedTimeUtc, body }: ReceivedEventData): HubMessage {
  return { sequence: sequenceNumber, time: enqueuedTimeUtc.toISOString(), body: parseBody(body) }
}

/** Parses a body as the trigger's library does: JSON is parsed, anything else stays text. */
function parseBody(body: unknown): unknown {
  if (!(body instanceof Uint8Array)) return body
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function unavailable(cause: unknown): never {
  throw new TidemarkError('unavailable', `the hub cannot be read: ${describeError(cause)}`, { cause })
}
