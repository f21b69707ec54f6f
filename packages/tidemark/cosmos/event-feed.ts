import {
  type ChangeFeedIteratorResponse,
  type ChangeFeedPullModelIterator,
  ChangeFeedStartFrom,
  type Container,
  type FeedRange,
} from '@azure/cosmos'
import { type RecordedCommit, selectCommits } from '../core/commit.ts'
import { readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { TidemarkError } from '../core/errors.ts'
import type { EventFeed, EventFeedReader, FeedStart } from '../core/ports.ts'
import { readError } from './client.ts'

const PAGE = 1000
const NOT_MODIFIED = 304

/** The change feed of the log's container, from its beginning. */
export class CosmosEventFeed implements EventFeed {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async count(): Promise<number> {
    const { resources } = await this.#container.items
      // Receipts have no `to`.
      .query<number>('SELECT VALUE COUNT(1) FROM c WHERE IS_DEFINED(c["to"])')
      .fetchAll()
      .catch((error: unknown) => {
        throw readError(error, this.#container)
      })
    return resources[0] ?? 0
  }

  open(start: FeedStart = {}): EventFeedReader {
    return new CosmosFeedReader(this.#container, start)
  }
}

/**
 * A reader's offset: its current feed range, and the SDK's continuation of each range. Null for a range that
 * was not read yet.
 */
interface FeedOffset {
  readonly current: number
  readonly continuations: readonly (string | null)[]
}

/**
 * Reads one feed range after another, each to its own end. While streams are written, the ranges are never
 * all at their end at the same moment.
 */
class CosmosFeedReader implements EventFeedReader {
  readonly #container: Container
  readonly #start: FeedStart
  #ranges: readonly RangeReader[] | undefined
  #current = 0

  constructor(container: Container, start: FeedStart) {
    this.#container = container
    this.#start = start
  }

  get offset(): string | undefined {
    if (this.#ranges === undefined) return this.#start.offset
    const continuations = this.#ranges.map(({ continuation }) => continuation ?? null)
    return writeContinuation({ current: this.#current, continuations } satisfies FeedOffset)
  }

  async next(): Promise<readonly RecordedCommit[] | undefined> {
    this.#ranges ??= await this.#openRanges()
    for (let range = this.#ranges[this.#current]; range; range = this.#ranges[this.#current]) {
      const { commits, atEnd } = await range.next()
      if (atEnd) this.#current += 1
      if (commits.length > 0) return commits
    }
    this.#current = 0
    return undefined
  }

  async #openRanges(): Promise<readonly RangeReader[]> {
    const ranges = await this.#container.getFeedRanges().catch((error: unknown) => {
      throw readError(error, this.#container)
    })
    const { since, offset, once } = this.#start
    const from = offset === undefined ? undefined : parseOffset(offset)
    // If the number of ranges has changed, the continuations cannot be matched to ranges.
    const known = from?.continuations.length === ranges.length ? from : undefined
    if (once && from && !known)
      throw new TidemarkError(
        'invalid-query',
        "the log's partitions were split meanwhile: start again from the first part",
      )
    this.#current = known?.current ?? 0
    return ranges.map(
      (range, index) => new RangeReader(this.#container, range, since, known?.continuations[index] ?? undefined),
    )
  }
}

/** Reads one feed range. The SDK follows a range that is split. */
class RangeReader {
  readonly #container: Container
  readonly #beginning: ChangeFeedStartFrom
  #feed: ChangeFeedPullModelIterator<unknown[]> | undefined
  /** The SDK's continuation after the last result that was returned. */
  continuation: string | undefined

  constructor(container: Container, range: FeedRange, since: string | undefined, continuation: string | undefined) {
    this.#container = container
    this.continuation = continuation
    this.#beginning =
      since === undefined ? ChangeFeedStartFrom.Beginning(range) : ChangeFeedStartFrom.Time(new Date(since), range)
  }

  /**
   * Reads until a page is full or the range is at its end. It returns only then: under load new commits
   * arrive while a page is processed, and the end would never be seen.
   */
  async next(): Promise<{ readonly commits: readonly RecordedCommit[]; readonly atEnd: boolean }> {
    const commits: RecordedCommit[] = []
    for (;;) {
      const { statusCode, result, continuationToken } = await this.#read()
      // `hasMoreResults` is always true; only the status shows the end.
      const atEnd = statusCode === NOT_MODIFIED
      if (!atEnd) commits.push(...selectCommits(result))
      if (!atEnd && commits.length < PAGE) continue
      this.continuation = continuationToken
      return { commits, atEnd }
    }
  }

  async #read(): Promise<ChangeFeedIteratorResponse<unknown[]>> {
    this.#feed ??= this.#container.items.getChangeFeedIterator<unknown[]>({
      changeFeedStartFrom:
        this.continuation === undefined ? this.#beginning : ChangeFeedStartFrom.Continuation(this.continuation),
      maxItemCount: PAGE,
    })
    try {
      return await this.#feed.readNext()
    } catch (error) {
      // It is unknown how far a failed read advanced, so the next read starts after the last returned result.
      this.#feed = undefined
      throw readError(error, this.#container)
    }
  }
}

/** @throws TidemarkError `invalid-query` for an offset that no reader returned. */
function parseOffset(offset: string): FeedOffset {
  const { current, continuations } = readContinuation(offset)
  const isList =
    Array.isArray(continuations) && continuations.every((each) => each === null || typeof each === 'string')
  if (!Number.isSafeInteger(current) || !isList) throw unknownContinuation()
  return { current: Number(current), continuations }
}
