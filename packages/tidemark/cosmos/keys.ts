import type { Container } from '@azure/cosmos'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { KeyItem, KeyItems, WriteResult } from '../core/ports.ts'
import { readErrorCode } from './client.ts'
import { readItem, writeItem } from './items.ts'

const keyItem = z.object({
  id: z.string(),
  generation: z.int().positive(),
  wrapped: z.string().exactOptional(),
  forgotten: z.object({ time: z.string(), actor: z.string(), reason: z.string() }).exactOptional(),
})

/** Keys of subjects in a Cosmos DB container with the partition key `/id`. */
export class CosmosKeys implements KeyItems {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async read(id: string): Promise<{ readonly item: KeyItem; readonly etag: string } | undefined> {
    const stored = await readItem<Record<string, unknown>>(this.#container, { id, pk: id }).catch(this.#refused)
    if (stored === undefined) return undefined
    const { success, data } = keyItem.safeParse(stored)
    if (success) return { item: data, etag: stored._etag }
    throw new TidemarkError('personal-unreadable', `the item ${id} of the container keys is not that of a key`)
  }

  write(item: KeyItem, etag: string | undefined): Promise<WriteResult> {
    return writeItem(this.#container, { ...item, pk: item.id }, etag).catch(this.#refused)
  }

  /** A missing role says nothing about a key, so it waits until somebody assigns it. */
  readonly #refused = (error: unknown): never => {
    if (readErrorCode(error) !== 403) throw error
    const { id, database } = this.#container
    throw new TidemarkError(
      'keys-refused',
      `the container ${database.id}/${id} refuses this service: give its identity its role on it ` +
        '(docs/deploy.md, "Keys of personal data")',
      { cause: error },
    )
  }
}
