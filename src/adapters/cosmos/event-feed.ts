import {
  type ChangeFeedIteratorResponse,
  type ChangeFeedPullModelIterator,
  ChangeFeedStartFrom,
  type Container,
  type FeedRange,
} from '@azure/cosmos'
import { commitsAmong, type RecordedCommit } from '../../core/commit.ts'
import type { EventFeed, EventFeedReader } from '../../core/ports.ts'
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

  open(since?: string): EventFeedReader {
    return new CosmosFeedReader(this.#container, since)
  }
}

/** One feed range after another, each until its own end: all of them are never at their end at once while somebody appends. */
class CosmosFeedReader implements EventFeedReader {
  readonly #container: Container
  readonly #since: string | undefined
  #ranges: readonly RangeReader[] | undefined
  #current = 0

  constructor(container: Container, since: string | undefined) {
    this.#container = container
    this.#since = since
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
    return ranges.map((range) => new RangeReader(this.#container, range, this.#since))
  }
}

/** One feed range; one that is split is followed by the SDK. */
class RangeReader {
  readonly #container: Container
  #start: ChangeFeedStartFrom
  #feed: ChangeFeedPullModelIterator<unknown[]> | undefined

  constructor(container: Container, range: FeedRange, since: string | undefined) {
    this.#container = container
    this.#start =
      since === undefined ? ChangeFeedStartFrom.Beginning(range) : ChangeFeedStartFrom.Time(new Date(since), range)
  }

  /**
   * What comes next, read on until it is a full page or at the end, so that the end is found between two reads and not between two pages'
   * work: there, under load, something new has always come.
   */
  async next(): Promise<{ readonly commits: readonly RecordedCommit[]; readonly atEnd: boolean }> {
    const commits: RecordedCommit[] = []
    for (;;) {
      const { statusCode, result, continuationToken } = await this.#read()
      // `hasMoreResults` is always true: the status tells the end.
      const atEnd = statusCode === NOT_MODIFIED
      if (!atEnd) commits.push(...commitsAmong(result))
      if (!atEnd && commits.length < PAGE) continue
      this.#start = ChangeFeedStartFrom.Continuation(continuationToken)
      return { commits, atEnd }
    }
  }

  async #read(): Promise<ChangeFeedIteratorResponse<unknown[]>> {
    const options = { changeFeedStartFrom: this.#start, maxItemCount: PAGE }
    this.#feed ??= this.#container.items.getChangeFeedIterator<unknown[]>(options)
    try {
      return await this.#feed.readNext()
    } catch (error) {
      // How far a failed read has moved is not known: the next one begins after what was returned last.
      this.#feed = undefined
      throw readError(error, this.#container)
    }
  }
}
