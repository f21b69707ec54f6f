import type { PartitionContext, ReceivedEventData } from '@azure/event-hubs'

/**
 * One claim of a partition, from its start until it is closed or lost. It tracks what to checkpoint.
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

  /** @param frequency number of batches per checkpoint. */
  constructor(frequency: number) {
    this.#frequency = frequency
  }

  /** Aborted once another reader owns the partition. From then on nothing is checkpointed. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  lose(): void {
    this.#lost.abort()
  }

  /** Counts a batch that begins. @returns whether it is checkpointed at its end. */
  begin(): boolean {
    this.#batches += 1
    return this.#batches >= this.#frequency
  }

  /** Records an event whose invocation has ended, successful or not. */
  end(event: ReceivedEventData, context: PartitionContext): void {
    this.#processed = { event, context }
  }

  /** Checkpoints the last recorded event. @throws the storage's error; the next batch's checkpoint covers this one. */
  async checkpoint(): Promise<void> {
    if (!this.#processed || this.#lost.signal.aborted) return
    const { event, context } = this.#processed
    await context.updateCheckpoint(event)
    this.#batches = 0
  }

  /**
   * Writes the outstanding checkpoint of several batches at a graceful close. Like the newest extension, it
   * ignores outcomes: it also passes a batch whose retries the stop has cut short.
   */
  async close(): Promise<void> {
    if (this.#frequency > 1 && this.#batches > 0) await this.checkpoint()
  }
}
