import {
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
  type SubscribeOptions,
} from '@azure/event-hubs'
import { Latency } from '../../packages/cli/demo/latency.ts'
import { toFigures } from '../support/figures.ts'
import type { Rate } from './raw-client.ts'

/** The jobs of a client process with an unmodified @azure/event-hubs. */

interface Hub {
  readonly connectionString: string
  readonly hub: string
}

export interface Figures {
  readonly count: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

const BODY_BYTES = 500

/** A body of 500 bytes as JSON. */
function buildBody(fields: Readonly<Record<string, number>>): { readonly body: unknown } {
  const length = JSON.stringify({ ...fields, text: '' }).length
  return { body: { ...fields, text: 'x'.repeat(Math.max(0, BODY_BYTES - length)) } }
}

export interface Producing extends Hub {
  readonly partitions: number
  /** The number of concurrent sends, each awaited. */
  readonly concurrency: number
  /** The number of events in a send. */
  readonly batch: number
  readonly seconds: number
}

/** Sends for some time. The latency of a send ends at its acknowledgement, in milliseconds. */
export async function sdkProduce(options: Producing): Promise<Rate & { readonly latency: Figures }> {
  const producer = new EventHubProducerClient(options.connectionString, options.hub)
  const latency = new Latency()
  let events = 0
  try {
    await producer.sendBatch([buildBody({ n: -1 })], { partitionId: '0' })
    const startedAt = performance.now()
    const end = startedAt + options.seconds * 1000
    const loop = async (loopIndex: number): Promise<void> => {
      const partitionId = String(loopIndex % options.partitions)
      while (performance.now() < end) {
        const batch = Array.from({ length: options.batch }, () => buildBody({ n: events++ }))
        const started = performance.now()
        await producer.sendBatch(batch, { partitionId })
        latency.add(performance.now() - started)
      }
    }
    await Promise.all(Array.from({ length: options.concurrency }, (_, index) => loop(index)))
    return { events, seconds: (performance.now() - startedAt) / 1000, latency: toFigures(latency) }
  } finally {
    await producer.close()
  }
}

export interface Consuming extends Hub {
  readonly partitions: number
  readonly maxBatchSize: number
  /** Undefined: the SDK's own, three batches. */
  readonly prefetch?: number | undefined
  /** The number of events, over all partitions, after which it ends. */
  readonly events: number
}

/**
 * Receives a number of events from the first one on. The rate counts from the first batch to the last. It
 * continues to receive, because a close would wait for all prefetched events. Its process is ended instead.
 */
export async function sdkConsume(options: Consuming): Promise<Rate> {
  const consumer = new EventHubConsumerClient('$Default', options.connectionString, options.hub)
  const subscribe: SubscribeOptions = {
    maxBatchSize: options.maxBatchSize,
    maxWaitTimeInSeconds: 1,
    startPosition: earliestEventPosition,
    ...(options.prefetch !== undefined && { prefetchCount: options.prefetch }),
  }
  let received = 0
  let startedAt = performance.now()
  const all = Promise.withResolvers<void>()
  for (let partition = 0; partition < options.partitions; partition++)
    consumer.subscribe(
      String(partition),
      {
        async processEvents(events) {
          if (received === 0) startedAt = performance.now()
          received += events.length
          if (received >= options.events) all.resolve()
        },
        async processError(error) {
          all.reject(error)
        },
      },
      subscribe,
    )
  await all.promise
  return { events: received, seconds: (performance.now() - startedAt) / 1000 }
}

export interface EndToEnd extends Hub {
  /** Single events per second, sent whether or not the last one is acknowledged. */
  readonly rate: number
  readonly seconds: number
}

/**
 * The time from before a send until the consumer's handler has the event, in milliseconds. Both are in this process.
 */
export async function sdkEndToEnd(options: EndToEnd): Promise<Figures> {
  const producer = new EventHubProducerClient(options.connectionString, options.hub)
  const consumer = new EventHubConsumerClient('$Default', options.connectionString, options.hub)
  const latency = new Latency()
  const total = options.rate * options.seconds
  let ready = (): void => {}
  const all = Promise.withResolvers<void>()
  const subscription = consumer.subscribe(
    '0',
    {
      async processEvents(events) {
        const now = performance.now()
        for (const { body } of events) if (body.sent > 0) latency.add(now - body.sent)
        if (events.length > 0) ready()
        if (latency.count === total) all.resolve()
      },
      async processError(error) {
        all.reject(error)
      },
    },
    { maxBatchSize: 100, prefetchCount: 10_000, maxWaitTimeInSeconds: 1, startPosition: earliestEventPosition },
  )
  try {
    const warm = new Promise<void>((resolve) => {
      ready = resolve
    })
    await producer.sendBatch([buildBody({ sent: 0 })], { partitionId: '0' })
    await Promise.race([warm, all.promise])
    const startedAt = performance.now()
    const sends: Promise<void>[] = []
    for (let sent = 0; sent < total; sent++) {
      const early = startedAt + (sent * 1000) / options.rate - performance.now()
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
      sends.push(producer.sendBatch([buildBody({ sent: performance.now() })], { partitionId: '0' }))
    }
    await Promise.all(sends)
    await all.promise
    return toFigures(latency)
  } finally {
    await subscription.close()
    await consumer.close()
    await producer.close()
  }
}
