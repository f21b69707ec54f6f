import type { Container } from '@azure/cosmos'
import type { RawItem } from './event-hash.ts'
import { queryPages, queryRows } from './rows.ts'

/** The events that views are compared with. */
export interface CheckedLog {
  /** Takes in what has come since, so that the events of every cursor that was read before are there. */
  refresh(): Promise<void>
  /** The number of items. */
  count(): Promise<number>
  /** All items, ordered by stream. */
  items(): AsyncIterable<readonly RawItem[]>
  itemsOf(stream: string): AsyncIterable<readonly RawItem[]>
}

/** The log's streams of a category. */
export function categoryLog(log: Container, category: string): CheckedLog {
  const ofCategory = (query: string) => ({ query, parameters: [{ name: '@prefix', value: `${category}-` }] })
  return {
    refresh: async () => {},
    async count() {
      const count = ofCategory('SELECT VALUE COUNT(1) FROM c WHERE STARTSWITH(c.stream, @prefix)')
      return (await queryRows<number>(log, count))[0] ?? 0
    },
    items: () => queryPages(log, ofCategory('SELECT * FROM c WHERE STARTSWITH(c.stream, @prefix) ORDER BY c.stream')),
    itemsOf: (stream) => queryPages(log, 'SELECT * FROM c', stream),
  }
}
