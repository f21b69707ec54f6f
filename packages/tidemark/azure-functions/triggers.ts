import type {
  CosmosDBv4FunctionOptions,
  EventHubFunctionOptions,
  InvocationContext,
  RetryOptions,
  TimerFunctionOptions,
} from '@azure/functions'
import type { DataPath } from '../core/data-path.ts'
import { describeError, isTidemarkError } from '../core/errors.ts'
import type { Delivery } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { followingName, LEASES, LOG, projectionName, reactionsGroup } from '../core/service.ts'
import { parseDelivery } from './delivery.ts'

/**
 * Without a retry policy the host moves its checkpoint or lease past a failed batch, and the batch is lost.
 * With this policy the batch is retried for ever, and its partition waits.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-error-pages#retry-policies
 */
const forEver: RetryOptions = {
  strategy: 'exponentialBackoff',
  maxRetryCount: -1,
  minimumInterval: { seconds: 1 },
  maximumInterval: { seconds: 30 },
}

/**
 * How long the feed of a killed instance waits for another instance, in milliseconds. It is half the default,
 * because until then the service publishes nothing. A lease is renewed three times in that time, so one
 * failed renewal loses nothing.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-cosmosdb-v2-trigger
 */
const LEASE_EXPIRES_MS = 30_000
const LEASE_RENEWED_MS = 10_000
/** How often an instance looks for free leases. */
const LEASES_SOUGHT_MS = 10_000

const REPORT_EVERY_MS = 60_000
/**
 * How many reasons are reported separately. Partitions of one function may fail for different reasons in
 * turn.
 */
const MAX_REASONS = 100

/**
 * An Event Hubs trigger that gets text; the library parses the JSON itself. By default, messages are bound as
 * objects and pass through Json.NET. It rewrites text that looks like a date. A body that is not JSON fails
 * its whole batch before the function sees it. https://github.com/Azure/azure-webjobs-sdk/issues/1830
 */
type TextEventHubOptions = EventHubFunctionOptions & { readonly dataType: 'string' }

/** What the triggers need of their service. */
export interface TriggerPort
  extends Pick<DataPath, 'relay' | 'project' | 'projectFrom' | 'react' | 'periodSeconds' | 'doPeriodicWork'> {
  readonly name: string
  readonly relayPollDelay: number
}

/**
 * The relay (transactional outbox): the change feed of the service's log, from its beginning, to the
 * service's hub.
 */
export function buildRelayTrigger(port: TriggerPort): CosmosDBv4FunctionOptions {
  return {
    connection: 'CosmosConnection',
    databaseName: port.name,
    containerName: LOG,
    leaseContainerName: LEASES,
    startFromBeginning: true,
    feedPollDelay: port.relayPollDelay,
    maxItemsPerInvocation: 1000,
    leaseExpirationInterval: LEASE_EXPIRES_MS,
    leaseRenewInterval: LEASE_RENEWED_MS,
    leaseAcquireInterval: LEASES_SOUGHT_MS,
    retry: forEver,
    handler: reportFailures((items, context) => port.relay(items, toTrace(context))),
  }
}

/** The projections: the service's own hub, to all its views. */
export function buildProjectionsTrigger(port: TriggerPort): TextEventHubOptions {
  return consumer(port.name, projectionName(port.name), (delivery, trace) => port.project(delivery, trace))
}

/** The consumer of a hub for all views of its public events. */
export function buildFollowingTrigger(port: TriggerPort, hub: string): TextEventHubOptions {
  return consumer(hub, followingName(port.name, hub), (delivery, trace) => port.projectFrom(hub, delivery, trace))
}

/** The reactions to the events of a hub. Refusals of their commands are traced as a normal outcome. */
export function buildReactionsTrigger(port: TriggerPort, hub: string): TextEventHubOptions {
  return consumer(hub, reactionsGroup(port.name), (delivery, trace) => port.react(hub, delivery, trace))
}

/**
 * The timer of periodic work. One instance of the function app runs a timer at a time. If two run, nothing
 * takes effect twice. https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer
 */
export function buildPeriodicTrigger(port: TriggerPort): TimerFunctionOptions {
  const { periodSeconds } = port
  return {
    schedule: periodSeconds < 60 ? `*/${periodSeconds} * * * * *` : '0 * * * * *',
    handler: reportFailures((_, context) => port.doPeriodicWork(toTrace(context))),
  }
}

export function toTrace(context: InvocationContext): Trace {
  return (line, level) => context[level](line)
}

function consumer(
  eventHubName: string,
  consumerGroup: string,
  handle: (delivery: Delivery, trace: Trace) => Promise<void>,
): TextEventHubOptions {
  return {
    connection: 'EventHubConnection',
    eventHubName,
    consumerGroup,
    cardinality: 'many',
    dataType: 'string',
    retry: forEver,
    handler: reportFailures((messages, context) => handle(parseDelivery(messages, context), toTrace(context))),
  }
}

/** Logs each reason for a failing batch once a minute. Always rethrows, so that the host retries. */
function reportFailures<Batch>(
  handle: (batch: Batch, context: InvocationContext) => Promise<void>,
): (batch: Batch, context: InvocationContext) => Promise<void> {
  /** When each reason may be logged again. */
  const reportedReasons = new Map<string, number>()
  return async (batch, context) => {
    try {
      await handle(batch, context)
    } catch (error) {
      const why = describeError(error)
      const now = performance.now()
      for (const [reason, again] of reportedReasons) if (again <= now) reportedReasons.delete(reason)
      // Bounds the memory if every reason is different: beyond the limit they count as one.
      const reason = reportedReasons.has(why) || reportedReasons.size < MAX_REASONS ? why : 'others'
      if (!reportedReasons.has(reason)) {
        reportedReasons.set(reason, now + REPORT_EVERY_MS)
        context.error(`${context.functionName} is held: ${isTidemarkError(error) ? error.code : 'internal'}: ${why}`)
      }
      throw error
    }
  }
}
