import type { ReceivedEventData } from '@azure/event-hubs'
import type { InvocationRequest, TypedData } from './protocol.ts'

export interface PartitionDescription {
  readonly fullyQualifiedNamespace: string
  readonly eventHubName: string
  readonly consumerGroup: string
  readonly partitionId: string
}

/** A batch as the host hands it to the worker for `cardinality: 'many'`. */
export function batchRequest(
  bindingName: string,
  events: readonly ReceivedEventData[],
  partition: PartitionDescription,
  binary: boolean,
): InvocationRequest {
  const bodies = events.map((event) => bytesOf(event.body))
  const data: TypedData = binary
    ? { collectionBytes: { bytes: bodies } }
    : { collectionString: { string: bodies.map((body) => body.toString('utf8')) } }
  return {
    inputData: [{ name: bindingName, data }],
    triggerMetadata: {
      PartitionContext: partitionContext(partition),
      PartitionKeyArray: json(events.map((event) => event.partitionKey ?? null)),
      OffsetArray: json(events.map((event) => event.offset)),
      SequenceNumberArray: json(events.map((event) => event.sequenceNumber)),
      EnqueuedTimeUtcArray: json(events.map((event) => event.enqueuedTimeUtc)),
      PropertiesArray: json(events.map((event) => event.properties ?? {})),
      SystemPropertiesArray: json(events.map(systemProperties)),
    },
  }
}

/** One event, for `cardinality: 'one'`. */
export function eventRequest(
  bindingName: string,
  event: ReceivedEventData,
  partition: PartitionDescription,
  binary: boolean,
): InvocationRequest {
  const body = bytesOf(event.body)
  return {
    inputData: [{ name: bindingName, data: binary ? { bytes: body } : { string: body.toString('utf8') } }],
    triggerMetadata: {
      PartitionContext: partitionContext(partition),
      PartitionKey: json(event.partitionKey ?? null),
      Offset: json(event.offset),
      SequenceNumber: json(event.sequenceNumber),
      EnqueuedTimeUtc: json(event.enqueuedTimeUtc),
      Properties: json(event.properties ?? {}),
      SystemProperties: json(systemProperties(event)),
    },
  }
}

/** The client hands out data sections as they came; a value section has no bytes and is given as JSON. */
function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''))
}

function partitionContext(partition: PartitionDescription): TypedData {
  return json({
    FullyQualifiedNamespace: partition.fullyQualifiedNamespace,
    EventHubName: partition.eventHubName,
    ConsumerGroup: partition.consumerGroup,
    PartitionId: partition.partitionId,
  })
}

function systemProperties(event: ReceivedEventData): Record<string, unknown> {
  return {
    ...event.systemProperties,
    SequenceNumber: event.sequenceNumber,
    Offset: event.offset,
    PartitionKey: event.partitionKey ?? null,
    EnqueuedTimeUtc: event.enqueuedTimeUtc,
  }
}

function json(value: unknown): TypedData {
  return { json: JSON.stringify(value) }
}
