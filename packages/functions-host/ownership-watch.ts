import type { Checkpoint, CheckpointStore, OperationOptions, PartitionOwnership } from '@azure/event-hubs'
import type { StorageClock } from './storage-clock.ts'

/**
 * A checkpoint store that reports when another reader has claimed a partition. The client reads the claims on
 * every turn of its load balancing, but informs its handlers of a lost one only at the next receive. Without
 * this class, a long batch would be checkpointed by a host that no longer owns the partition.
 *
 * It also corrects the dates of claims. The storage dates a claim, but the client computes its age by its own
 * clock. With a fast clock every claim would look expired, and two hosts would take partitions from each
 * other forever. With a slow clock no claim would ever expire. So the dates are shifted to the host's clock,
 * which keeps each claim's age by the storage's clock.
 */
export class OwnershipWatch implements CheckpointStore {
  readonly #store: CheckpointStore
  readonly #clock: StorageClock
  readonly #onLost: (partitionId: string) => void
  #ownerId: string | undefined

  /** @param clock the clock of the storage that holds the claims. */
  constructor(store: CheckpointStore, clock: StorageClock, onLost: (partitionId: string) => void) {
    this.#store = store
    this.#clock = clock
    this.#onLost = onLost
  }

  async listOwnership(
    namespace: string,
    hub: string,
    group: string,
    options?: OperationOptions,
  ): Promise<PartitionOwnership[]> {
    const [ownerships, now] = await Promise.all([
      this.#store.listOwnership(namespace, hub, group, options),
      this.#clock.now(),
    ])
    // An empty owner means a released partition: nobody else owns it.
    for (const { partitionId, ownerId } of ownerships)
      if (this.#ownerId !== undefined && ownerId !== '' && ownerId !== this.#ownerId) this.#onLost(partitionId)
    const offset = Date.now() - now
    return ownerships.map(({ lastModifiedTimeInMs, ...ownership }) => ({
      ...ownership,
      ...(lastModifiedTimeInMs === undefined ? {} : { lastModifiedTimeInMs: lastModifiedTimeInMs + offset }),
    }))
  }

  claimOwnership(ownerships: PartitionOwnership[], options?: OperationOptions): Promise<PartitionOwnership[]> {
    this.#ownerId = ownerships.find(({ ownerId }) => ownerId !== '')?.ownerId ?? this.#ownerId
    return this.#store.claimOwnership(ownerships, options)
  }

  updateCheckpoint(checkpoint: Checkpoint, options?: OperationOptions): Promise<void> {
    return this.#store.updateCheckpoint(checkpoint, options)
  }

  listCheckpoints(namespace: string, hub: string, group: string, options?: OperationOptions): Promise<Checkpoint[]> {
    return this.#store.listCheckpoints(namespace, hub, group, options)
  }
}
