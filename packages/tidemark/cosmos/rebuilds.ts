import type { Database } from '@azure/cosmos'
import type { RebuildStore, WriteResult } from '../core/ports.ts'
import type { StoredRebuild } from '../core/rebuild.ts'
import { type ItemKey, readItem, writeItem } from './items.ts'

/** In the partition of the view's pointer, which the sweep of old generations skips. */
const KEY: ItemKey = { id: 'rebuild', pk: 'pointer' }

interface RebuildItem extends ItemKey {
  readonly rebuild: StoredRebuild
}

/** The state of a service's view rebuilds: one item in the container of each view. */
export class CosmosRebuilds implements RebuildStore {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async read(view: string): Promise<{ readonly rebuild: StoredRebuild; readonly etag: string } | undefined> {
    const item = await readItem<RebuildItem>(this.#database.container(view), KEY)
    return item && { rebuild: item.rebuild, etag: item._etag }
  }

  write(view: string, rebuild: StoredRebuild, etag: string | undefined): Promise<WriteResult> {
    return writeItem(this.#database.container(view), { ...KEY, rebuild }, etag)
  }
}
