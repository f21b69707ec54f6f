import type { PartitionContext, ReceivedEventData } from '@azure/event-hubs'

/**
 * One claim of a partition, from its start until it is closed or lost, and what of it is to be checkpointed.
 * https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/eventhub/Microsoft.Azure.WebJobs.Extensions.EventHubs/src/Listeners/EventHubListener.PartitionProcessor.cs
 */
export class PartitionClaim {
  readonly #frequency: number
  readonly #lost = new AbortController()
  /** Batches since the last checkpoint. */
  #batches = 0
  #processed: { readonly event: ReceivedEventData; readonly context: PartitionContext } | undefined
  /** Settles when the batch in flight has ended, if there is one. */
  inFlight: Promise<void> = Promise.resolve()

  /** @param frequency how many batches a checkpoint is for. */
  constructor(frequency: number) {
    this.#frequency = frequency
  }

  /** Aborted once another reader has the partition: from then on nothing is checkpointed. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  lose(): void {
    this.#lost.abort()
  }

  /** Counts a batch that begins. @returns whether it is checkpointed when it is done. */
  begin(): boolean {
    this.#batches += 1
    return this.#batches >= this.#frequency
  }

  /** An event whose invocation has ended, successful or not. */
  end(event: ReceivedEventData, context: PartitionContext): void {
    this.#processed = { event, context }
  }

  /** Checkpoints what has ended. @throws what the storage answers: then the next batch says this too. */
  async checkpoint(): Promise<void> {
    if (!this.#processed || this.#lost.signal.aborted) return
    const { event, context } = this.#processed
    await context.updateCheckpoint(event)
    this.#batches = 0
  }

  /**
   * What several batches still wait for is checkpointed at a graceful close. Like the newest extension this
   * looks at no outcome: a batch whose retries the stop has cut short is passed over too.
   */
  async close(): Promise<void> {
    if (this.#frequency > 1 && this.#batches > 0) await this.checkpoint()
  }
}
