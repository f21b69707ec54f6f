import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CheckpointStore, EventHubConsumerClient } from '@azure/event-hubs'
import { BlobCheckpointStore } from '@azure/eventhubs-checkpointstore-blob'
import { BlobServiceClient } from '@azure/storage-blob'
import topology from '../../infra/topology.json' with { type: 'json' }
import { mapPartitionKey } from '../../packages/event-hubs/namespace/partition-key.ts'
import type { System } from './system.ts'

/** A hub of a system, seen from outside: its messages, checkpoints and consumers. */
export class TestHub {
  readonly #system: System
  readonly #name: string

  constructor(system: System, name: string) {
    this.#system = system
    this.#name = name
  }

  get groups(): readonly string[] {
    return this.#topology.consumerGroups
  }

  get partitions(): readonly number[] {
    return Array.from({ length: this.#topology.partitions }, (_, partition) => partition)
  }

  /** Ids of orders that are all in one partition. */
  idsIn(partition: number, count: number, name: string): readonly string[] {
    const ids: string[] = []
    for (let n = 0; ids.length < count; n += 1)
      if (mapPartitionKey(`order-${name}-${n}`, this.#topology.partitions) === partition) ids.push(`${name}-${n}`)
    return ids
  }

  /** The number of messages that were ever sent to the hub. */
  async sent(): Promise<number> {
    const ends = await this.#ends()
    return ends.reduce((sum, { lastEnqueuedSequenceNumber }) => sum + lastEnqueuedSequenceNumber + 1, 0)
  }

  /** Moves every checkpoint of a group to the end, as another reader with the storage SDK would. */
  async moveCheckpoints(consumerGroup: string): Promise<void> {
    const store = this.checkpoints()
    for (const { partitionId, lastEnqueuedSequenceNumber, lastEnqueuedOffset } of await this.#ends())
      if (lastEnqueuedSequenceNumber >= 0)
        await store.updateCheckpoint({
          fullyQualifiedNamespace: 'localhost',
          eventHubName: this.#name,
          consumerGroup,
          partitionId,
          sequenceNumber: lastEnqueuedSequenceNumber,
          offset: lastEnqueuedOffset,
        })
  }

  /** Deletes the checkpoints of all groups. @returns how many there were. */
  async deleteCheckpoints(): Promise<number> {
    let count = 0
    for await (const { name } of this.#system.claims.listBlobsFlat()) {
      const [, hub, , kind] = name.split('/')
      if (hub !== this.#name || kind !== 'checkpoint') continue
      await this.#system.claims.deleteBlob(name)
      count += 1
    }
    return count
  }

  /** The store of the hosts' checkpoints. */
  checkpoints(): CheckpointStore {
    const blobs = BlobServiceClient.fromConnectionString(this.#system.settings.AzureWebJobsStorage ?? '')
    return new BlobCheckpointStore(blobs.getContainerClient('azure-webjobs-eventhub'))
  }

  /** @param store by default, one that sees no partition. */
  consumer(group: string, store?: CheckpointStore): EventHubConsumerClient {
    const connection = this.#system.settings.EventHubConnection ?? ''
    const loadBalancingOptions = { strategy: 'greedy' as const, updateIntervalInMs: 500 }
    return store
      ? new EventHubConsumerClient(group, connection, this.#name, store, { loadBalancingOptions })
      : new EventHubConsumerClient(group, connection, this.#name)
  }

  /** Lets all events of the hub expire. The emulator needs a control port: EVENT_HUBS_EMULATOR_CONTROL_PORT. */
  async expire(): Promise<void> {
    const { address } = JSON.parse(await readFile(join(this.#system.dataDir, 'eventhubs/control.json'), 'utf8'))
    const path = `namespaces/emulatorNs1/hubs/${this.#name}/expire`
    const { status } = await fetch(`${address}/${path}`, { method: 'POST' })
    if (status !== 200) throw new Error(`${path} answered ${status}`)
  }

  get #topology() {
    const found = topology.eventHubs.find(({ name }) => name === this.#name)
    if (!found) throw new Error(`there is no hub ${this.#name}`)
    return found
  }

  async #ends() {
    const client = this.consumer('$Default')
    try {
      const partitions = await client.getPartitionIds()
      return await Promise.all(partitions.map((partition) => client.getPartitionProperties(partition)))
    } finally {
      await client.close()
    }
  }
}

/** Checkpoints and claims of another program, which the group's other readers do not see. */
export class OwnCheckpoints implements CheckpointStore {
  readonly #claims = new Map<string, Awaited<ReturnType<CheckpointStore['listOwnership']>>[number]>()
  readonly #checkpoints = new Map<string, Parameters<CheckpointStore['updateCheckpoint']>[0]>()

  listOwnership: CheckpointStore['listOwnership'] = async () => [...this.#claims.values()]

  claimOwnership: CheckpointStore['claimOwnership'] = async (claims) => {
    const made = claims.map((claim) => ({ ...claim, etag: 'own', lastModifiedTimeInMs: Date.now() }))
    for (const claim of made) this.#claims.set(claim.partitionId, claim)
    return made
  }

  updateCheckpoint: CheckpointStore['updateCheckpoint'] = async (checkpoint) => {
    this.#checkpoints.set(checkpoint.partitionId, checkpoint)
  }

  listCheckpoints: CheckpointStore['listCheckpoints'] = async () => [...this.#checkpoints.values()]
}
