import { type EventData, type EventDataBatch, EventHubProducerClient } from '@azure/event-hubs'
import { toCloudEvent } from '../core/cloud-event.ts'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { EventPublisher } from '../core/ports.ts'
import { formatPosition } from '../core/stream.ts'
import { isSampled, listTraceparents, NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'

/** How to reach a namespace: a connection string, or its host name and an identity. */
export type EventHubsConnection =
  | { readonly connectionString: string }
  | {
      readonly namespace: string
      readonly credential: ConstructorParameters<typeof EventHubProducerClient>[2] & object
    }

// By default the SDK waits 30 s before a second attempt and 60 s for an answer. That is too long for the
// streams that wait behind it. After these attempts the trigger's retry policy takes over.
const options = { retryOptions: { retryDelayInMs: 200, maxRetries: 3, timeoutInMs: 10_000 } }

/** Creates the client of a hub. It connects on first use. */
export function eventHubProducer(connection: EventHubsConnection, hub: string): EventHubProducerClient {
  return 'connectionString' in connection
    ? new EventHubProducerClient(connection.connectionString, hub, options)
    : new EventHubProducerClient(connection.namespace, hub, connection.credential, options)
}

/**
 * Publishes to one event hub with the stream as the partition key, so a stream's events stay in order. Each
 * batch is awaited before the next. The SDK's buffered producer would continue after a failed batch.
 */
export class EventHubsPublisher implements EventPublisher {
  readonly #producer: EventHubProducerClient
  readonly #telemetry: Telemetry

  constructor(producer: EventHubProducerClient, telemetry = NO_TELEMETRY) {
    this.#producer = producer
    this.#telemetry = telemetry
  }

  /** @throws TidemarkError `unavailable`; `event-too-large` for an event that fits into no batch. */
  async publish(stream: string, events: readonly RecordedEvent[], batch?: string): Promise<void> {
    const telemetry = this.#telemetry
    const [parent, ...others] = telemetry.isOn ? listTraceparents(events) : []
    // https://opentelemetry.io/docs/specs/semconv/messaging/azure-messaging/
    const attributes = {
      'messaging.system': 'eventhubs',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'send',
      'messaging.destination.name': this.#producer.eventHubName,
      'messaging.batch.message_count': events.length,
      'tidemark.stream': stream,
      'tidemark.version': events.at(-1)?.version ?? 0,
    }
    const links = [batch, ...others].filter(isSampled)
    const name = `send ${this.#producer.eventHubName}`
    await telemetry.span(name, { kind: 'producer', parent, links, attributes }, () => this.#publish(stream, events))
    telemetry.record('tidemark.events.published', events.length)
  }

  async #publish(stream: string, events: readonly RecordedEvent[]): Promise<void> {
    const begin = (): Promise<EventDataBatch> => this.#producer.createBatch({ partitionKey: stream }).catch(unavailable)
    const send = (batch: EventDataBatch): Promise<void> => this.#producer.sendBatch(batch).catch(unavailable)
    let batch = await begin()
    for (const event of events) {
      const message: EventData = { contentType: 'application/cloudevents+json', body: toCloudEvent(event) }
      if (batch.tryAdd(message)) continue
      if (batch.count > 0) {
        await send(batch)
        batch = await begin()
        if (batch.tryAdd(message)) continue
      }
      throw new TidemarkError('event-too-large', `the event ${formatPosition(event)} is larger than the hub allows`)
    }
    if (batch.count > 0) await send(batch)
  }
}

function unavailable(cause: unknown): never {
  throw new TidemarkError('unavailable', `the hub cannot be written: ${describeError(cause)}`, { cause })
}
