import type { Container } from '@azure/cosmos'
import { readCommitPosition } from '../core/commit.ts'
import type { ItemFeed, ItemReader } from '../core/ports.ts'
import { ChangeFeedReader, type StoredItem } from './change-feed.ts'

/** The items in the change feed of the log's container. */
export class CosmosItemFeed implements ItemFeed {
  readonly #container: Container
  readonly #pageItems: number | undefined

  /** @param pageItems the most items of a page; more only if one batch has more. */
  constructor(container: Container, pageItems?: number) {
    this.#container = container
    this.#pageItems = pageItems
  }

  open(continuation?: string): ItemReader {
    const reader = new ChangeFeedReader(this.#container, { continuation }, this.#pageItems)
    return {
      async next() {
        const { items, ...page } = await reader.next()
        const written = items.length === 0 ? {} : { written: writtenBetween(items) }
        return { ...page, items: inStreamOrder(items.map(withoutSystemProperties)), ...written }
      },
    }
  }
}

/**
 * Leaves out what only this container gives a meaning, and `_lsn`, which the feed adds. `_ts` stays: it is the
 * store's own time of the last write, and a receipt has no other.
 */
function withoutSystemProperties(item: object): object {
  const { _rid, _self, _etag, _attachments, _lsn, ...rest } = item as Readonly<Record<string, unknown>>
  return rest
}

/**
 * Orders the commits of each stream by version, in the places that they have. Commits of one batch have the
 * same place in the feed.
 */
function inStreamOrder(items: readonly object[]): readonly object[] {
  const placed = items.map((item) => ({ item, position: readCommitPosition(item) }))
  const commits = placed
    .flatMap(({ item, position }) => (position ? [{ item, ...position }] : []))
    .sort((a, b) => a.version - b.version)
  const byStream = new Map(
    [...Map.groupBy(commits, ({ stream }) => stream)].map(([stream, its]) => [stream, its.values()]),
  )
  return placed.map(({ item, position }) => byStream.get(position?.stream ?? '')?.next().value?.item ?? item)
}

function writtenBetween(items: readonly StoredItem[]): { readonly oldest: string; readonly newest: string } {
  const times = items.map(({ _ts }) => _ts)
  const [oldest, newest] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))]
  return { oldest: toTime(oldest), newest: toTime(newest) }
}

function toTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
