import { badRequest } from '../api/failure.ts'
import { MAX_ANSWER_BYTES } from '../http/answers.ts'
import { buildConditions, type FeedRange } from '../resources/feed-range.ts'
import type { Store } from '../store/store.ts'

interface FeedStart {
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: string | undefined
}

interface FeedPage {
  /** The JSON of each item. */
  readonly items: readonly string[]
  /** Where the next page begins, as an etag. */
  readonly etag: string
}

/**
 * Reads a page of the change feed in "latest version" mode: each item at its last change, in the order of
 * changes. What one request wrote has one LSN and stays together. So a page may exceed its limit by one
 * batch.
 * @throws Failure 400 for an invalid start.
 * https://learn.microsoft.com/azure/cosmos-db/change-feed-modes
 */
export function readFeed(store: Store, feedRange: FeedRange, start: FeedStart, maxItems: number): FeedPage {
  const after = parseStartLsn(store, start.ifNoneMatch)
  // A position takes precedence over a time, which the SDK keeps sending.
  const since = start.ifNoneMatch === undefined ? parseModifiedSince(start.ifModifiedSince) : 0
  const { conditions, values } = buildConditions(feedRange)
  // Forces the LSN index: following the feed means reading on from an LSN, whatever other index looks
  // narrower.
  const rows = store
    .prepare(
      `SELECT lsn, body FROM items INDEXED BY items_by_lsn WHERE ${conditions.join(' AND ')} AND lsn > ? AND ts >= ?
      ORDER BY lsn, number`,
    )
    .iterate(...values, after, since)
  const items: string[] = []
  let [last, bytes] = [store.lsn, 0]
  for (const { lsn, body } of rows) {
    if ((items.length >= maxItems || bytes >= MAX_ANSWER_BYTES) && lsn !== last) break
    const json = String(body)
    items.push(`${json.slice(0, -1)},"_lsn":${lsn}}`)
    bytes += Buffer.byteLength(json)
    last = Number(lsn)
  }
  return { items, etag: `"${last}"` }
}

function parseStartLsn(store: Store, ifNoneMatch: string | undefined): number {
  if (ifNoneMatch === undefined) return 0
  if (ifNoneMatch === '*') return store.lsn
  const [, lsn] = /^"?(\d{1,15})"?$/.exec(ifNoneMatch) ?? []
  if (lsn === undefined) throw badRequest('If-None-Match is not a position in this feed')
  return Number(lsn)
}

function parseModifiedSince(date: string | undefined): number {
  if (date === undefined) return 0
  const seconds = Date.parse(date) / 1000
  if (Number.isNaN(seconds)) throw badRequest('If-Modified-Since is not a date')
  return seconds
}
