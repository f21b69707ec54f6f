import type { Snapshots } from '../core/ports.ts'
import { parseSnapshot, type Snapshot, type SnapshotItem } from '../core/snapshot.ts'

/** Snapshots in memory, with the encoding of those in Cosmos DB. */
export class MemorySnapshots implements Snapshots {
  readonly #items = new Map<string, string>()

  async read(stream: string, id: string): Promise<Snapshot | undefined> {
    return parseSnapshot(JSON.parse(this.#items.get(JSON.stringify([stream, id])) ?? 'null'))
  }

  async write(stream: string, id: string, { state, head }: Snapshot): Promise<void> {
    this.put({ id, stream, head, state } satisfies SnapshotItem)
  }

  /** Stores any item, valid or not, for tests. */
  put(item: { readonly id: string; readonly stream: string; readonly [field: string]: unknown }): void {
    this.#items.set(JSON.stringify([item.stream, item.id]), JSON.stringify(item))
  }

  get size(): number {
    return this.#items.size
  }
}
