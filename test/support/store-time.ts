import type { Container } from '@azure/cosmos'

/** What time it is in the store, in milliseconds since 1970, asked without the framework. */
export async function storeTime({ items }: Container): Promise<number> {
  const { resources } = await items
    .query<number>('SELECT VALUE GetCurrentTimestamp()', { partitionKey: 'any' })
    .fetchAll()
  return resources[0] ?? Number.NaN
}
