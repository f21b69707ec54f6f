import type { Container, ItemDefinition } from '@azure/cosmos'
import type { WriteResult } from '../core/ports.ts'
import { bounded } from './bounded.ts'
import { notFoundError, readError, readErrorAnswer, readErrorCode, saysNoItem, writeError } from './client.ts'

/** The address of an item: its id and its partition key value. */
export interface ItemKey {
  readonly id: string
  readonly pk: string
}

/** @returns undefined if the item does not exist. @throws TidemarkError `unavailable`, `container-missing` */
export async function readItem<Item>(
  container: Container,
  { id, pk }: ItemKey,
): Promise<(Item & { _etag: string }) | undefined> {
  const response = await container
    .item(id, pk)
    .read<Item & ItemDefinition & { _etag: string }>(bounded())
    .catch((error: unknown) => {
      throw readError(error, container)
    })
  if (response.statusCode === 404 && !saysNoItem(response)) throw notFoundError(container, response)
  return response.resource
}

/**
 * Creates an item in a container with the partition key `/pk`, or replaces the item with this etag.
 * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
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
    const code = readErrorCode(error)
    // Another writer created, changed or removed the item. A create that answers 404 lacks its container.
    if (code === 409 || code === 412) return { outcome: 'conflict' }
    if (etag !== undefined && saysNoItem(readErrorAnswer(error))) return { outcome: 'conflict' }
    throw writeError(error, container)
  }
}

/**
 * Removes an item. Does nothing if it is already gone.
 * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
 */
export async function removeItem(container: Container, { id, pk }: ItemKey): Promise<void> {
  try {
    await container.item(id, pk).delete(bounded())
  } catch (error) {
    if (!saysNoItem(readErrorAnswer(error))) throw writeError(error, container)
  }
}
