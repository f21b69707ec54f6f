import type { InvocationContext } from '@azure/functions'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { Delivery, HubPoint } from '../core/ports.ts'

/** A 64-bit number, as the worker's library for protocol buffers has it. */
const long = z.object({ low: z.int(), high: z.int() }).transform(({ low, high }) => high * 2 ** 32 + (low >>> 0))

/** What the Event Hubs extension says of a batch beside its messages; the worker writes the names in camel case. */
const batchMetadata = z.object({
  partitionContext: z.object({ partitionId: z.string() }),
  sequenceNumberArray: z.array(z.union([z.int(), long])).min(1),
  // Without its zone, which is UTC.
  enqueuedTimeUtcArray: z.array(z.string()).min(1),
})

/**
 * The batch that an Event Hubs trigger with `cardinality: many` was called for. The host leaves empty
 * messages out, but not what it says of them, so only the ends of the batch are read.
 * https://github.com/Azure/azure-functions-host/issues/8499
 * @throws TidemarkError `internal` where the host does not say where the batch stands: it would be handled
 * without knowing what it follows.
 */
export function parseDelivery(messages: unknown, { triggerMetadata }: InvocationContext): Delivery {
  const read = batchMetadata.safeParse(triggerMetadata)
  if (!read.success)
    throw new TidemarkError('internal', `the host does not say where the batch stands: ${z.prettifyError(read.error)}`)
  const { partitionContext, sequenceNumberArray: sequences, enqueuedTimeUtcArray: times } = read.data
  const bodies: readonly unknown[] = Array.isArray(messages) ? messages : [messages]
  return {
    partition: partitionContext.partitionId,
    messages: bodies,
    ...(bodies.length === sequences.length ? { sequences } : {}),
    first: toHubPoint(sequences[0], times[0]),
    last: toHubPoint(sequences.at(-1), times.at(-1)),
  }
}

function toHubPoint(sequence = 0, time = ''): HubPoint {
  return { sequence, time: new Date(/Z$|[+-]\d\d:\d\d$/.test(time) ? time : `${time}Z`).toISOString() }
}
