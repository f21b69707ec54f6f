import type { Container } from '@azure/cosmos'
import type { Snapshots } from '../core/ports.ts'
import { parseSnapshot, type Snapshot, type SnapshotItem } from '../core/snapshot.ts'
import { bounded } from './bounded.ts'
import { writeError } from './client.ts'
import { readItem } from './items.ts'

/**
 * Snapshots in a Cosmos DB container with the partition key `/stream`: one item for each stream and state
 * version, read only by its key.
 */
export class CosmosSnapshots implements Snapshots {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async read(stream: string, id: string): Promise<Snapshot | undefined> {
    return parseSnapshot(await readItem(this.#container, { id, pk: stream }))
  }

  async write(stream: string, id: string, { state, head }: Snapshot): Promise<void> {
    const item: SnapshotItem = { id, stream, head, state }
    try {
      // Two instances may write at once. Both snapshots are correct, so either may win.
      await this.#container.items.upsert(item, bounded())
    } catch (error) {
      throw writeError(error, this.#container)
    }
  }
}
