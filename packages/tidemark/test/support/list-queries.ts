import type { Container, SqlQuerySpec } from '@azure/cosmos'
import type { ListOrder } from '../../core/ports.ts'
import type { AnyView } from '../../core/view.ts'
import { CosmosViewStore } from '../../cosmos/view-store.ts'

/**
 * The queries of all lists of a view: without and with each of its filters, in each order and direction, for a
 * first and a later page.
 */
export async function listQueries({
  filters,
  orders = {},
}: Pick<AnyView, 'filters' | 'orders'>): Promise<readonly SqlQuerySpec[]> {
  const queries: SqlQuerySpec[] = []
  const items = {
    query: (query: SqlQuerySpec) => {
      queries.push(query)
      return { fetchAll: async () => ({ resources: [] }) }
    },
  }
  const container = { items } as unknown as Container
  const store = new CosmosViewStore({ exact: container, relaxed: container }, 1, 60)
  const fields = Object.keys(filters)
  const ordered: readonly (ListOrder | undefined)[] = [
    undefined,
    ...Object.entries(orders).map(([field, type]) => ({ field, type, from: example(type), to: example(type) })),
  ]
  for (let choice = 0; choice < 2 ** fields.length; choice++) {
    const filter = Object.fromEntries(fields.filter((_, bit) => choice & (1 << bit)).map((field) => [field, 'x']))
    for (const order of ordered.filter((each) => each === undefined || !(each.field in filter)))
      for (const ascending of [false, true]) {
        const list = { filter, ascending, limit: 20, ...(order ? { order } : {}) }
        await store.list(list)
        await store.list({ ...list, after: { place: 'x', ...(order ? { value: example(order.type) } : {}) } })
      }
  }
  return queries
}

const example = (type: 'string' | 'number'): string | number => (type === 'string' ? 'x' : 1)
