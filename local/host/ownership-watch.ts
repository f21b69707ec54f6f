import type { Checkpoint, CheckpointStore, OperationOptions, PartitionOwnership } from '@azure/event-hubs'

/**
 * A checkpoint store that says when another reader has claimed a partition. The client looks at the claims at every turn of its load
 * balancing, but tells its handlers of a lost one only when it receives again: a batch that takes long would be checkpointed by one who
 * no longer has the partition.
 */
export class OwnershipWatch implements CheckpointStore {
  readonly #store: CheckpointStore
  readonly #onLost: (partitionId: string) => void
  #ownerId: string | undefined

  constructor(store: CheckpointStore, onLost: (partitionId: string) => void) {
    this.#store = store
    this.#onLost = onLost
  }

  async listOwnership(
    namespace: string,
    hub: string,
    group: string,
    options?: OperationOptions,
  ): Promise<PartitionOwnership[]> {
    const ownerships = await this.#store.listOwnership(namespace, hub, group, options)
    // An empty owner has given the partition up: it is nobody else's.
    for (const { partitionId, ownerId } of ownerships)
      if (this.#ownerId !== undefined && ownerId !== '' && ownerId !== this.#ownerId) this.#onLost(partitionId)
    return ownerships
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
