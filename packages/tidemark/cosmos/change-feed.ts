import { type ChangeFeedPullModelIterator, ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import { describeError, TidemarkError } from '../core/errors.ts'
import { readError } from './client.ts'

const PAGE = 1000
/** The service ends a page at 4 MB. A page above this size may have been ended by that, not by the feed's end. */
const LARGE_PAGE = 2 ** 20
const NOT_MODIFIED = 304

/** An item as the feed returns it. */
export interface StoredItem {
  readonly _ts: number
}

/** Where a reader begins. Without anything: at the first item. */
export interface ChangeFeedStart {
  /** Of a page that another reader returned. */
  readonly continuation?: string | undefined
  /** Without a continuation: at the first item written at this time or later. RFC 3339. */
  readonly since?: string | undefined
}

export interface ChangeFeedPage {
  /** As they are stored. Those of one batch are in any order. */
  readonly items: readonly StoredItem[]
  /** Where the next page begins. */
  readonly continuation: string
  /** Whether the reader has seen the end of every partition since its round began: the rest is newer. */
  readonly atEnd: boolean
}

/**
 * Reads the change feed of the log's whole container. The SDK's continuation names each partition's range with its
 * place. After a split it gives each part the place of the whole, also where a continuation is older than the
 * split (ChangeFeedForEpkRange of @azure/cosmos: fetchContinuationTokenFeedRanges, handleSplitOrMerge). So
 * nothing here lists ranges.
 */
export class ChangeFeedReader {
  readonly #container: Container
  readonly #feed: ChangeFeedPullModelIterator<StoredItem[]>
  readonly #pageItems: number
  /** How many pages in a row were not full. */
  #shortPages = 0

  /** @param pageItems the most items of a page; more only if one batch has more. */
  constructor(container: Container, { continuation, since }: ChangeFeedStart = {}, pageItems = PAGE) {
    const beginning = since === undefined ? ChangeFeedStartFrom.Beginning() : ChangeFeedStartFrom.Time(new Date(since))
    this.#container = container
    this.#pageItems = pageItems
    this.#feed = container.items.getChangeFeedIterator<StoredItem[]>({
      changeFeedStartFrom: continuation === undefined ? beginning : ChangeFeedStartFrom.Continuation(continuation),
      maxItemCount: pageItems,
    })
  }

  /**
   * After an error, open another reader: it is unknown how far this one has read.
   * @throws TidemarkError `unavailable`, `container-missing`; `archive-broken` if the continuation belongs to
   *   another log.
   */
  async next(): Promise<ChangeFeedPage> {
    const { statusCode, result, continuationToken } = await this.#feed.readNext().catch((error: unknown) => {
      throw this.#readError(error)
    })
    if (statusCode === NOT_MODIFIED) return { items: [], continuation: continuationToken, atEnd: true }
    return { items: result, continuation: continuationToken, atEnd: this.#isAtEnd(result, continuationToken) }
  }

  /** From now on, the end is where every partition has been read again. */
  beginRound(): void {
    this.#shortPages = 0
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
