import type { Container, SqlQuerySpec } from '@azure/cosmos'
import { CosmosViewStore } from '../../cosmos/view-store.ts'

/** The queries of all lists of a view: without and with each of its filters, for a first and a later page. */
export async function listQueries(filters: readonly string[]): Promise<readonly string[]> {
  const queries: string[] = []
  const items = {
    query: ({ query }: SqlQuerySpec) => {
      queries.push(query)
      return { fetchAll: async () => ({ resources: [] }) }
    },
  }
  const container = { items } as unknown as Container
  const store = new CosmosViewStore({ exact: container, relaxed: container }, 1, 60)
  for (let choice = 0; choice < 2 ** filters.length; choice++) {
    const filter = Object.fromEntries(filters.filter((_, bit) => choice & (1 << bit)).map((field) => [field, 'x']))
    await store.list({ filter, limit: 20 })
    await store.list({ filter, limit: 20, after: 'x' })
  }
  return queries
}
