import type { ReceivedEventData } from '@azure/event-hubs'
import { rewriteJson } from './json-net/rewrite.ts'
import { messageFields } from './message-fields.ts'
import type { InvocationRequest, TypedData } from './protocol.ts'

// What the Event Hubs extension binds, and how the host passes it to the worker:
// https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/eventhub/Microsoft.Azure.WebJobs.Extensions.EventHubs/src/Triggers/EventHubTriggerBindingStrategy.cs
// https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script.Grpc/MessageExtensions/GrpcMessageConversionExtensions.cs

interface PartitionDescription {
  readonly fullyQualifiedNamespace: string
  readonly eventHubName: string
  readonly consumerGroup: string
  readonly partitionId: string
}

/**
 * How bodies are bound. `dataType` is string or binary. Without it, a batch is bound as objects, and one
 * event as text.
 */
export type Body = 'objects' | 'text' | 'bytes'

/** Options that are the same for all batches of a function. */
export interface BindingOptions {
  readonly bindingName: string
  readonly body: Body
  /** Whether empty texts of a collection reach the worker. The worker must have the capability. */
  readonly includeEmpty: boolean
}

/**
 * Builds the request for a batch, for `cardinality: 'many'`.
 * @param isCheckpointing whether the batch is checkpointed at its end.
 * @throws Error if a body cannot be bound. The invocation then fails before the function runs.
 */
export function batchRequest(
  options: BindingOptions,
  events: readonly ReceivedEventData[],
  partition: PartitionDescription,
  isCheckpointing: boolean,
): InvocationRequest {
  const texts = (values: readonly (string | null | undefined)[]): TypedData => collection(values, options)
  return {
    inputData: [{ name: options.bindingName, data: bindBodies(events, options) }],
    triggerMetadata: {
      ...partitionContexts(partition, isCheckpointing),
      PartitionKeyArray: texts(events.map(({ partitionKey }) => partitionKey)),
      OffsetArray: texts(events.map((event) => String(numericOffset(event)))),
      OffsetStringArray: texts(events.map(({ offset }) => offset)),
      SequenceNumberArray: { collectionSint64: { sint64: events.map((event) => long(event.sequenceNumber)) } },
      EnqueuedTimeUtcArray: json(events.map(enqueuedTime)),
      PropertiesArray: json(events.map((event) => event.properties ?? {})),
      SystemPropertiesArray: json(events.map(systemProperties)),
    },
  }
}

/**
 * Builds the request for one event, for `cardinality: 'one'`.
 * @throws Error if the body cannot be bound. The invocation then fails before the function runs.
 */
export function eventRequest(
  { bindingName, body }: BindingOptions,
  event: ReceivedEventData,
  partition: PartitionDescription,
  isCheckpointing: boolean,
): InvocationRequest {
  const bytes = readBytes(event)
  const text = bytes.toString('utf8')
  const key = event.partitionKey
  return {
    inputData: [{ name: bindingName, data: body === 'bytes' ? { bytes } : { string: text } }],
    triggerMetadata: {
      ...partitionContexts(partition, isCheckpointing),
      ...(key === undefined || key === null ? {} : { PartitionKey: { string: key } }),
      Offset: { string: String(numericOffset(event)) },
      OffsetString: { string: event.offset },
      SequenceNumber: json(event.sequenceNumber),
      EnqueuedTimeUtc: json(enqueuedTime(event)),
      Properties: json(event.properties ?? {}),
      SystemProperties: json(systemProperties(event)),
      ...(body === 'bytes' ? {} : messageFields(text)),
    },
  }
}

function bindBodies(events: readonly ReceivedEventData[], options: BindingOptions): TypedData {
  const bodies = events.map(readBytes)
  if (options.body === 'bytes') return { collectionBytes: { bytes: bodies } }
  const texts = bodies.map((bytes) => bytes.toString('utf8'))
  if (options.body === 'text') return collection(texts, options)
  // A body that is not JSON fails the whole batch: https://github.com/Azure/azure-webjobs-sdk/issues/1830
  return { json: `[${texts.map(rewriteJson).join(',')}]` }
}

/**
 * Texts for the worker, which parses those that are JSON. As in the real host, empty texts are left out and
 * the others move up, unless the worker has the capability IncludeEmptyEntriesInMessagePayload.
 * https://github.com/Azure/azure-functions-host/issues/8499
 */
function collection(values: readonly (string | null | undefined)[], { includeEmpty }: BindingOptions): TypedData {
  const texts = values.map((value) => value ?? '')
  return { collectionString: { string: includeEmpty ? texts : texts.filter((text) => text !== '') } }
}

/** Returns the bytes of the data sections. A value or sequence body has none: the client only returns it decoded. */
function readBytes({ body, sequenceNumber }: ReceivedEventData): Buffer {
  if (Buffer.isBuffer(body)) return body
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  throw new Error(`the body of event ${sequenceNumber} is not bytes: it has no AMQP data section`)
}

function partitionContexts(partition: PartitionDescription, isCheckpointing: boolean): Record<string, TypedData> {
  const context = json({
    IsCheckpointingAfterInvocation: isCheckpointing,
    FullyQualifiedNamespace: partition.fullyQualifiedNamespace,
    EventHubName: partition.eventHubName,
    ConsumerGroup: partition.consumerGroup,
    PartitionId: partition.partitionId,
  })
  return { TriggerPartitionContext: context, PartitionContext: context }
}

function systemProperties(event: ReceivedEventData): Record<string, unknown> {
  return {
    ...event.systemProperties,
    SequenceNumber: event.sequenceNumber,
    Offset: numericOffset(event),
    OffsetString: event.offset,
    PartitionKey: event.partitionKey ?? null,
    EnqueuedTimeUtc: enqueuedTime(event),
  }
}

/** Returns the offset; -1, the beginning of the partition, if it is not a number. */
function numericOffset({ offset }: ReceivedEventData): number {
  return /^-?\d+$/.test(offset) ? Number(offset) : -1
}

/** Formats the time without zone and trailing zeros, as .NET writes a time of unspecified kind. */
function enqueuedTime({ enqueuedTimeUtc }: ReceivedEventData): string {
  return enqueuedTimeUtc.toISOString().replace(/\.?0*Z$/, '')
}

/** A 64-bit number in the form of the worker's protocol buffers library. */
function long(value: number): { readonly low: number; readonly high: number; readonly unsigned: false } {
  return { low: value | 0, high: Math.floor(value / 2 ** 32) | 0, unsigned: false }
}

function json(value: unknown): TypedData {
  return { json: JSON.stringify(value) }
}
