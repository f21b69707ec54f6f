import type { Container } from '@azure/cosmos'
import type { WriteResult } from '../../core/ports.ts'
import { bounded } from './bounded.ts'
import { codeOf, readError, writeError } from './client.ts'

/** Where an item is: its id, and the value of its partition key. */
export interface ItemKey {
  readonly id: string
  readonly pk: string
}

/** @returns undefined where there is none. @throws TidemarkError `unavailable` */
export async function readItem<Item>(
  container: Container,
  { id, pk }: ItemKey,
): Promise<(Item & { _etag: string }) | undefined> {
  try {
    const { resource } = await container.item(id, pk).read(bounded())
    return resource
  } catch (error) {
    throw readError(error)
  }
}

/**
 * Creates an item in a container with the partition key `/pk`, or replaces the one with this etag.
 * @throws TidemarkError `unavailable`, `outcome-unknown`
 */
export async function writeItem(
  container: Container,
  item: ItemKey & Readonly<Record<string, unknown>>,
  etag: string | undefined,
): Promise<WriteResult> {
  try {
    const response =
      etag === undefined
        ? await container.items.create(item, bounded())
        : await container
            .item(item.id, item.pk)
            .replace(item, { accessCondition: { type: 'IfMatch', condition: etag }, ...bounded() })
    return { outcome: 'written', etag: response.etag }
  } catch (error) {
    const code = codeOf(error)
    if (code === 409 || code === 412 || code === 404) return { outcome: 'conflict' }
    throw writeError(error)
  }
}
