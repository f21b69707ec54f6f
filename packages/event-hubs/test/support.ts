import type { TestContext } from 'node:test'
import {
  type EventHubClientOptions,
  EventHubConsumerClient,
  type EventHubConsumerClientOptions,
  EventHubProducerClient,
  type EventPosition,
  type ReceivedEventData,
  type SubscribeOptions,
} from '@azure/event-hubs'
import { WAIT_MS, within } from '../../test-support/wait.ts'

/** A server that the suite runs against. */
export interface EventHubsTarget {
  /** Connection string of a namespace with SUITE_HUBS. */
  readonly connectionString: string
  /** Kills the server, and starts it again at the same address with the same data. */
  kill?(): Promise<void>
  /** Stops the server in an orderly way, and starts it again at the same address with the same data. */
  restart?(): Promise<void>
  /** Returns the process's resident bytes; missing on systems that do not report them. */
  memory?(): Promise<number>
  stop(): Promise<void>
}

/** Returns host and port of a server, for clients without an SDK. */
export function parseHostAndPort(connectionString: string): { host: string; port: number } {
  const [, host = '', port] = /sb:\/\/([\d.]+):(\d+)/.exec(connectionString) ?? []
  return { host, port: Number(port) }
}

/** Every test has its own hubs. */
export const SUITE_HUBS = [
  'refusals:2',
  'crowded:1',
  'expiring:1',
  'hostile:1',
  'keys:8',
  'buffered:8',
  'ordered:4',
  'robin:4',
  'annotated:1',
  'positions:1',
  'live:1',
  'properties:2',
  'epochs:1',
  'credit:1',
  'plain:1',
  'balanced:4',
  'killed:2',
  'restarted:1',
  'protocol:2',
  'acknowledged:1',
  'interleaved:1',
  'windows:1',
  'wrapped:1',
  'filtered:1',
  'poison:1',
  'unread:1',
  'connections:2',
  'cut1:1',
  'cut7:1',
  'cut8:1',
  'cut9:1',
  'cut300:1',
  'requests:1',
  'flows:3',
  'drained:1',
  'metrics512:1',
  'metrics100000:1',
  'behind:1',
  'poured:1',
  'fuzzed:1',
  'greedy:1',
  'witnessed:1',
  'streamed:4',
  'taken:4',
  'crowd:4',
  'idempotent:8',
  'idempotent-buffered:2',
].map((hub) => {
  const [name = '', partitions] = hub.split(':')
  return { name, partitions: Number(partitions), consumerGroups: ['audit'] }
})

/** The retries that services use: a server away for half a second costs less than a second. */
export const PATIENT: EventHubClientOptions = {
  retryOptions: { maxRetries: 40, retryDelayInMs: 200, timeoutInMs: 5000 },
}
/** Reports errors at once instead of retrying. The long time-out tolerates a slow machine. */
export const IMPATIENT: EventHubClientOptions = {
  retryOptions: { maxRetries: 0, retryDelayInMs: 200, timeoutInMs: WAIT_MS },
}

export function createProducer(
  t: TestContext,
  connectionString: string,
  hub: string,
  options = PATIENT,
): EventHubProducerClient {
  const producer = new EventHubProducerClient(connectionString, hub, options)
  t.after(() => producer.close())
  return producer
}

interface ConsumerOptions extends EventHubConsumerClientOptions {
  /** The consumer group; by default `$Default`. */
  readonly group?: string
}

export function createConsumer(
  t: TestContext,
  connectionString: string,
  hub: string,
  { group = '$Default', ...options }: ConsumerOptions = PATIENT,
): EventHubConsumerClient {
  const consumer = new EventHubConsumerClient(group, connectionString, hub, options)
  t.after(() => consumer.close())
  return consumer
}

const PREFETCH: SubscribeOptions = { maxBatchSize: 500, maxWaitTimeInSeconds: 1, prefetchCount: 3000 }

/** Receives the first `count` events of a partition from `startPosition` on. */
export async function receive(
  consumer: EventHubConsumerClient,
  partition: string,
  startPosition: EventPosition,
  count: number,
): Promise<ReceivedEventData[]> {
  const events: ReceivedEventData[] = []
  let close = async (): Promise<void> => {}
  const enough = new Promise<void>((resolve, reject) => {
    const subscription = consumer.subscribe(
      partition,
      {
        async processEvents(batch) {
          events.push(...batch)
          if (events.length >= count) resolve()
        },
        async processError(error) {
          reject(error)
        },
      },
      { ...PREFETCH, startPosition },
    )
    close = () => subscription.close()
  })
  try {
    await within(enough, `${count} events of partition ${partition}`, () => listBodies(events))
  } finally {
    await close()
  }
  return events
}

/** Returns the error that ends a subscription to one partition. */
export async function subscribeError(
  consumer: EventHubConsumerClient,
  partition: string,
  options: SubscribeOptions = {},
): Promise<unknown> {
  let close = async (): Promise<void> => {}
  const failed = new Promise<unknown>((resolve) => {
    const subscription = consumer.subscribe(
      partition,
      {
        async processEvents() {},
        async processError(error) {
          resolve(error)
        },
      },
      { maxWaitTimeInSeconds: 1, ...options },
    )
    close = () => subscription.close()
  })
  try {
    return await within(failed, `an error of partition ${partition}`)
  } finally {
    await close()
  }
}

/** Returns the SDK's code of an error. After retries the SDK wraps the error in an aggregate. */
export function readCode(error: unknown): unknown {
  const { code, errors } = error as { code?: unknown; errors?: { code?: unknown }[] }
  return code ?? errors?.[0]?.code
}

/** Returns code and message of the refusal of `promise`. */
export async function captureRefusal(promise: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  try {
    await within(promise, 'a refusal')
  } catch (error) {
    const { message, errors } = error as { message: string; errors?: { message: string }[] }
    return { code: readCode(error), message: message || (errors?.[0]?.message ?? '') }
  }
  throw new Error('it was not refused')
}

export const listBodies = (events: readonly ReceivedEventData[]): unknown[] => events.map(({ body }) => body)
