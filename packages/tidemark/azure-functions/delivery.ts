import type { InvocationContext } from '@azure/functions'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { Delivery, HubPoint } from '../core/ports.ts'

/** A 64-bit number, as the worker's protocol buffer library represents it. */
const long = z.object({ low: z.int(), high: z.int() }).transform(({ low, high }) => high * 2 ** 32 + (low >>> 0))

/** The trigger metadata of a batch. The worker converts the names to camel case. */
const batchMetadata = z.object({
  partitionContext: z.object({ partitionId: z.string() }),
  sequenceNumberArray: z.array(z.union([z.int(), long])).min(1),
  // In UTC, without a zone.
  enqueuedTimeUtcArray: z.array(z.string()).min(1),
})

/**
 * Reads the batch of an Event Hubs trigger with `cardinality: many`. The host may leave out empty messages,
 * but not their metadata. So only the first and last entries of the metadata are reliable.
 * https://github.com/Azure/azure-functions-host/issues/8499
 * @throws TidemarkError `internal` if the host does not provide the batch's sequence numbers. Handling it could
 *   skip messages.
 */
export function parseDelivery(messages: unknown, { triggerMetadata }: InvocationContext): Delivery {
  const read = batchMetadata.safeParse(triggerMetadata)
  if (!read.success)
    throw new TidemarkError(
      'internal',
      `the host sent no sequence numbers of the batch: ${z.prettifyError(read.error)}`,
    )
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
