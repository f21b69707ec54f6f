import type { Container } from './catalog.ts'
import { badRequest } from './failure.ts'
import { type Item, toItem } from './items.ts'
import type { Store } from './store.ts'

export interface FeedPage {
  readonly items: readonly Item[]
  /** Where the next page begins, as an etag. */
  readonly etag: string
}

/**
 * A page of the change feed in "latest version" mode: each item at its last change, in the order of those. What one request wrote has
 * one LSN and is never cut apart, so a page may be larger than asked for.
 */
export function readFeed(
  store: Store,
  container: Container,
  pk: string | undefined,
  start: { readonly ifNoneMatch: string | undefined; readonly ifModifiedSince: string | undefined },
  maxItems: number,
): FeedPage {
  const after = startOf(store, start.ifNoneMatch)
  const since =
    start.ifNoneMatch === undefined && start.ifModifiedSince !== undefined
      ? Date.parse(start.ifModifiedSince) / 1000
      : 0
  if (Number.isNaN(since)) throw badRequest('If-Modified-Since is not a date')
  const key = pk === undefined ? '' : 'AND pk = ?'
  const values = [container.number, after, since, Date.now() / 1000, ...(pk === undefined ? [] : [pk])]
  const where = `container = ? AND lsn > ? AND ts >= ? AND (expires IS NULL OR expires > ?) ${key}`
  const rows = store.sql
    .prepare(`SELECT * FROM items WHERE ${where} ORDER BY lsn, pk, id LIMIT ?`)
    .all(...values, maxItems)
  const last = rows.at(-1)
  if (last === undefined) return { items: [], etag: `"${store.lsn}"` }
  const rest = store.sql
    .prepare(`SELECT * FROM items WHERE ${where} AND lsn = ? ORDER BY lsn, pk, id`)
    .all(...values, Number(last.lsn))
    .slice(rows.filter((row) => row.lsn === last.lsn).length)
  return { items: [...rows, ...rest].map(toItem), etag: `"${Number(last.lsn)}"` }
}

function startOf(store: Store, ifNoneMatch: string | undefined): number {
  if (ifNoneMatch === undefined) return 0
  if (ifNoneMatch === '*') return store.lsn
  const lsn = Number(ifNoneMatch.replaceAll('"', ''))
  if (!Number.isInteger(lsn) || lsn < 0) throw badRequest('If-None-Match is not a position in this feed')
  return lsn
}
