import type { Checkpoint, CheckpointStore, OperationOptions, PartitionOwnership } from '@azure/event-hubs'
import type { StorageClock } from './storage-clock.ts'

/**
 * A checkpoint store that says when another reader has claimed a partition. The client looks at the claims at
 * every turn of its load balancing, but tells its handlers of a lost one only when it receives again: a batch
 * that takes long would be checkpointed by one who no longer has the partition.
 *
 * The client also takes a claim's age by its own clock, and the storage dates the claim: on a host that is
 * fast every claim would look expired, its own too, and two hosts would take each partition from one another
 * for ever; on one that is slow none ever would. So claims are dated here by the host's clock, as old as they
 * are by the storage's.
 */
export class OwnershipWatch implements CheckpointStore {
  readonly #store: CheckpointStore
  readonly #clock: StorageClock
  readonly #onLost: (partitionId: string) => void
  #ownerId: string | undefined

  /** @param clock of the storage that the claims are kept in. */
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
    // An empty owner has given the partition up: it is nobody else's.
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
