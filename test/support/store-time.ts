import type { Container } from '@azure/cosmos'

/** The store's time in milliseconds since 1970, read without the framework. */
export async function storeTime({ items }: Container): Promise<number> {
  const { resources } = await items
    .query<number>('SELECT VALUE GetCurrentTimestamp()', { partitionKey: 'any' })
    .fetchAll()
  return resources[0] ?? Number.NaN
}
