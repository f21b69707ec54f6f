import { type ChangeFeedPullModelIterator, ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import { readCommitPosition } from '../core/commit.ts'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { ItemFeed, ItemPage, ItemReader } from '../core/ports.ts'
import { readError } from './client.ts'

const PAGE = 1000
/** The service ends a page at 4 MB. A page above this size may have been ended by that, not by the feed's end. */
const LARGE_PAGE = 2 ** 20
const NOT_MODIFIED = 304

/**
 * The change feed of the log's whole container. The SDK's continuation names each partition's range with its
 * place. After a split it gives each part the place of the whole, also where a continuation is older than the
 * split (ChangeFeedForEpkRange of @azure/cosmos: fetchContinuationTokenFeedRanges, handleSplitOrMerge). So
 * nothing here lists ranges.
 */
export class CosmosItemFeed implements ItemFeed {
  readonly #container: Container
  readonly #pageItems: number

  /** @param pageItems the most items of a page; more only if one batch has more. */
  constructor(container: Container, pageItems = PAGE) {
    this.#container = container
    this.#pageItems = pageItems
  }

  open(continuation?: string): ItemReader {
    const feed = this.#container.items.getChangeFeedIterator<StoredItem[]>({
      changeFeedStartFrom:
        continuation === undefined ? ChangeFeedStartFrom.Beginning() : ChangeFeedStartFrom.Continuation(continuation),
      maxItemCount: this.#pageItems,
    })
    return new CosmosItemReader(this.#container, feed, this.#pageItems)
  }
}

interface StoredItem {
  readonly _ts: number
}

class CosmosItemReader implements ItemReader {
  readonly #container: Container
  readonly #feed: ChangeFeedPullModelIterator<StoredItem[]>
  readonly #pageItems: number
  /** How many pages in a row were not full. */
  #shortPages = 0

  constructor(container: Container, feed: ChangeFeedPullModelIterator<StoredItem[]>, pageItems: number) {
    this.#container = container
    this.#feed = feed
    this.#pageItems = pageItems
  }

  async next(): Promise<ItemPage> {
    const { statusCode, result, continuationToken } = await this.#feed.readNext().catch((error: unknown) => {
      throw this.#readError(error)
    })
    if (statusCode === NOT_MODIFIED) return { items: [], continuation: continuationToken, atEnd: true }
    const items = inStreamOrder(result.map(withoutSystemProperties))
    return {
      items,
      continuation: continuationToken,
      atEnd: this.#isAtEnd(items, continuationToken),
      ...(items.length === 0 ? {} : { written: writtenBetween(result) }),
    }
  }

  /**
   * Under load some partition always has an item, and the SDK never answers "not modified". The SDK reads the
   * ranges in turn. If no range had a full page, all of them have been at their end.
   */
  #isAtEnd(items: readonly object[], continuation: string): boolean {
    const isFull = items.length >= this.#pageItems || JSON.stringify(items).length > LARGE_PAGE
    this.#shortPages = isFull ? 0 : this.#shortPages + 1
    return this.#shortPages > countRanges(continuation)
  }

  /** The SDK refuses the continuation of another container with a plain text. */
  #readError(error: unknown): unknown {
    if (!describeError(error).includes('not for the current container')) return readError(error, this.#container)
    const { database, id } = this.#container
    return new TidemarkError(
      'archive-broken',
      `the archive of ${database.id} continues another log: ${database.id}/${id} was deleted and created again. ` +
        `Stop the service, then run tidemark restore ${database.id}`,
      { cause: error },
    )
  }
}

function countRanges(continuation: string): number {
  const { Continuation: ranges } = JSON.parse(continuation) as { readonly Continuation?: unknown }
  return Array.isArray(ranges) ? ranges.length : 1
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
