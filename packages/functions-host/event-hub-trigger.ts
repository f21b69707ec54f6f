import {
  EventHubConsumerClient,
  type EventPosition,
  earliestEventPosition,
  latestEventPosition,
  type PartitionContext,
  parseEventHubConnectionString,
  type ReceivedEventData,
  type Subscription,
  type SubscriptionEventHandlers,
} from '@azure/event-hubs'
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { StartError } from '../kit/errors.ts'
import { type BindingOptions, type Body, batchRequest, eventRequest } from './event-hub-data.ts'
import type { HostJson } from './host-json.ts'
import type { Invoker } from './invocation.ts'
import { describe, log, logFailure } from './log.ts'
import { OwnershipWatch } from './ownership-watch.ts'
import { PartitionClaim } from './partition-claim.ts'
import type { InvocationRequest } from './protocol.ts'
import type { RegisteredFunction } from './registrations.ts'
import { invokeWithRetry } from './retry.ts'
import { requiredSetting, type Settings } from './settings.ts'
import { StorageClock } from './storage-clock.ts'
import { pause, type Trigger, within } from './trigger.ts'
import { TriggerOptions } from './trigger-options.ts'

/**
 * The container of the Functions host's checkpoints: `<namespace>/<hub>/<group>/checkpoint/<partition>`.
 */
const CONTAINER = 'azure-webjobs-eventhub'
const RETRY = { retryDelayInMs: 200, maxRetries: 3, timeoutInMs: 10_000 }
const RECONNECT_AFTER_MS = 500
const CLOSE_WITHIN_MS = 2000
/**
 * How long the client waits for the first event of a batch before it passes on an empty one. Ten seconds were
 * not cheaper at rest: bench/idle.ts.
 */
const EMPTY_AFTER_S = 1

/** What is the same for all Event Hubs triggers of an app. */
interface AppOptions {
  readonly host: HostJson['eventHubs']
  /** Whether empty texts of a batch reach the worker. */
  readonly includeEmpty: boolean
}

/**
 * The Event Hubs trigger. A batch is checkpointed whether the function succeeded or threw, after the retries
 * of a `retry` option. Nothing is checkpointed after the partition was lost. Events are in order per
 * partition.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-event-hubs-trigger
 */
export class EventHubTrigger implements Trigger {
  readonly #registered: RegisteredFunction
  readonly #invoker: Invoker
  readonly #name: string
  readonly #many: boolean
  readonly #binding: BindingOptions
  readonly #host: HostJson['eventHubs']
  readonly #container: ContainerClient
  readonly #makeClient: () => EventHubConsumerClient
  readonly #claims = new Map<string, PartitionClaim>()
  readonly #stopping = new AbortController()
  #connection: { readonly client: EventHubConsumerClient; readonly subscription: Subscription } | undefined
  #connecting: Promise<void> = Promise.resolve()

  /** @throws StartError if an option or a setting is missing or malformed. */
  constructor(
    registered: RegisteredFunction,
    settings: Settings,
    invoker: Invoker,
    { host, includeEmpty }: AppOptions,
  ) {
    const options = new TriggerOptions(registered, settings)
    const { functionName } = options
    this.#registered = registered
    this.#invoker = invoker
    this.#name = functionName
    this.#host = host
    const cardinality = options.string('cardinality', 'one').toLowerCase()
    if (cardinality !== 'one' && cardinality !== 'many') throw options.invalid('cardinality', 'one or many')
    this.#many = cardinality === 'many'
    this.#binding = { bindingName: options.bindingName, body: readBodyType(options, this.#many), includeEmpty }

    const group = options.string('consumerGroup', '$Default')
    const connectionName = options.string('connection')
    const connection = requiredSetting(settings, connectionName, functionName)
    const parse = <Value>(name: string, read: () => Value): Value => {
      try {
        return read()
      } catch (error) {
        throw new StartError(`function ${functionName}: the setting ${name} is malformed: ${(error as Error).message}`)
      }
    }
    // A hub in the connection string overrides the registration's: the key is only valid for that hub.
    const hub = parse(connectionName, () => parseEventHubConnectionString(connection)).eventHubName
    const hubName = hub ?? options.string('eventHubName')
    const storage = requiredSetting(settings, 'AzureWebJobsStorage', functionName)
    this.#container = parse('AzureWebJobsStorage', () =>
      BlobServiceClient.fromConnectionString(storage, {
        retryOptions: { maxTries: 3, retryDelayInMs: 200, tryTimeoutInMs: 10_000 },
      }),
    ).getContainerClient(CONTAINER)
    const loadBalancingOptions = {
      strategy: 'greedy' as const,
      updateIntervalInMs: host.loadBalancingMs,
      partitionOwnershipExpirationIntervalInMs: host.ownershipExpirationMs,
    }
    const clock = new StorageClock(async () => (await this.#container.getProperties()).date)
    this.#makeClient = () => {
      const store = new OwnershipWatch(new BlobCheckpointStore(this.#container), clock, (partition) =>
        this.#claims.get(partition)?.lose(),
      )
      return new EventHubConsumerClient(group, connection, hubName, store, {
        retryOptions: RETRY,
        loadBalancingOptions,
      })
    }
  }

  start(): void {
    this.#connecting = this.#connect()
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort()
    await within(drainMs, Promise.all([this.#connecting, this.#settled()]))
    await within(CLOSE_WITHIN_MS, this.#closeClaims())
    for (const claim of this.#claims.values()) claim.lose()
    await this.#disconnect()
  }

  async #connect(): Promise<void> {
    const { signal } = this.#stopping
    for (let client: EventHubConsumerClient | undefined; !signal.aborted; await pause(RECONNECT_AFTER_MS, signal)) {
      try {
        await this.#container.createIfNotExists()
        client = this.#makeClient()
        // The load balancer makes the same request, but ignores the retry options and waits 30 s after a
        // failure.
        await client.getEventHubProperties({ abortSignal: signal })
        if (!signal.aborted) return this.#subscribe(client)
      } catch (error) {
        if (!signal.aborted) logFailure(this.#name, `the hub and its checkpoints cannot be reached: ${describe(error)}`)
      }
      if (client) await within(CLOSE_WITHIN_MS, client.close())
    }
  }

  #subscribe(client: EventHubConsumerClient): void {
    const subscription = client.subscribe(this.#handlers(client), {
      maxBatchSize: this.#host.maxEventBatchSize,
      maxWaitTimeInSeconds: EMPTY_AFTER_S,
      prefetchCount: this.#host.prefetchCount,
      startPosition: startPosition(this.#host.initialOffset),
      skipParsingBodyAsJson: true,
    })
    this.#connection = { client, subscription }
  }

  /**
   * The client stops reading a partition if the hub is away for longer than its retries. It resumes only
   * after its own claim has expired. A new subscription resumes at once.
   */
  #reconnect(from: EventHubConsumerClient): void {
    if (this.#connection?.client !== from || this.#stopping.signal.aborted) return
    const old = this.#connection
    this.#connection = undefined
    for (const claim of this.#claims.values()) claim.lose()
    this.#connecting = (async () => {
      await within(CLOSE_WITHIN_MS, close(old))
      // A partition must not be read again while a function still handles one of its batches.
      await this.#settled()
      await pause(RECONNECT_AFTER_MS, this.#stopping.signal)
      await this.#connect()
    })()
  }

  async #disconnect(): Promise<void> {
    const old = this.#connection
    this.#connection = undefined
    if (old) await within(CLOSE_WITHIN_MS, close(old))
  }

  async #settled(): Promise<void> {
    await Promise.all([...this.#claims.values()].map(({ inFlight }) => inFlight))
  }

  #handlers(client: EventHubConsumerClient): SubscriptionEventHandlers {
    return {
      processInitialize: async ({ partitionId }) => {
        await this.#claims.get(partitionId)?.inFlight
        const claim = new PartitionClaim(this.#host.batchCheckpointFrequency)
        if (this.#connection?.client !== client || this.#stopping.signal.aborted) claim.lose()
        this.#claims.set(partitionId, claim)
      },
      processEvents: async (events, context) => {
        const claim = this.#claims.get(context.partitionId)
        if (!claim || this.#stopping.signal.aborted) return
        if (claim.lost.aborted) throw new PartitionLost()
        if (events.length === 0) return
        claim.inFlight = this.#invokeBatch(events, context, claim)
        await claim.inFlight
      },
      processError: async (error, { partitionId }) => {
        const where = partitionId === '' ? '' : ` of partition ${partitionId}`
        if ((error as { code?: unknown }).code === 'ReceiverDisconnectedError')
          log('information', this.#name, `another reader has taken partition ${partitionId}`)
        else logFailure(this.#name, `the reading${where} failed: ${describe(error)}`)
        // Storage that lost its data, such as a killed Azurite, has lost the container too.
        if (/ContainerNotFound|container does not exist/.test(String(error))) this.#reconnect(client)
      },
      processClose: async (reason, { partitionId }) => {
        this.#claims.get(partitionId)?.lose()
        if (reason === 'Shutdown') this.#reconnect(client)
      },
    }
  }

  async #invokeBatch(events: ReceivedEventData[], context: PartitionContext, claim: PartitionClaim): Promise<void> {
    const signal = AbortSignal.any([claim.lost, this.#stopping.signal])
    const isCheckpointing = claim.begin()
    const invoke = async (bind: () => InvocationRequest, last: ReceivedEventData | undefined): Promise<void> => {
      await invokeWithRetry(this.#invoker, this.#registered, bind, signal)
      if (last) claim.end(last, context)
    }
    if (this.#many) {
      await invoke(() => batchRequest(this.#binding, events, context, isCheckpointing), events.at(-1))
    } else {
      for (const event of events) {
        if (signal.aborted) break
        await invoke(() => eventRequest(this.#binding, event, context, isCheckpointing), event)
      }
    }
    if (isCheckpointing && !signal.aborted) await this.#saveCheckpoint(context.partitionId, () => claim.checkpoint())
  }

  async #closeClaims(): Promise<void> {
    await Promise.all(
      [...this.#claims].map(([partitionId, claim]) => this.#saveCheckpoint(partitionId, () => claim.close())),
    )
  }

  /** Saves a checkpoint, and only logs a failure: without the checkpoint, a crash delivers the batch again. */
  async #saveCheckpoint(partitionId: string, checkpoint: () => Promise<void>): Promise<void> {
    try {
      await checkpoint()
    } catch (error) {
      logFailure(this.#name, `the checkpoint of partition ${partitionId} failed: ${describe(error)}`)
    }
  }
}

/** Makes the client stop reading one partition, like the client's own error with this code. */
class PartitionLost extends Error {
  readonly code = 'ReceiverDisconnectedError'
  readonly retryable = false
}

async function close(connection: { client: EventHubConsumerClient; subscription: Subscription }): Promise<void> {
  await connection.subscription.close()
  await connection.client.close()
}

/**
 * Reads `dataType`. Without it, the host binds objects for a batch, and text for one event. Text is the
 * default of its metadata provider.
 * https://github.com/Azure/azure-webjobs-sdk/blob/dev/src/Microsoft.Azure.WebJobs.Host/Extensions/JobHostMetadataProvider.cs
 */
function readBodyType(options: TriggerOptions, many: boolean): Body {
  const dataType = options.string('dataType', '').toLowerCase()
  if (dataType === '') return many ? 'objects' : 'text'
  if (dataType === 'string') return 'text'
  if (dataType === 'binary') return 'bytes'
  throw options.invalid('dataType', 'string or binary')
}

function startPosition(initial: HostJson['eventHubs']['initialOffset']): EventPosition {
  if (initial === 'fromStart') return earliestEventPosition
  if (initial === 'fromEnd') return latestEventPosition
  return { enqueuedOn: initial.enqueuedOn }
}
