import {
  type ChangeFeedIteratorResponse,
  type ChangeFeedPullModelIterator,
  ChangeFeedStartFrom,
  type Container,
  type FeedRange,
} from '@azure/cosmos'
import type { RecordedEvent } from '../../core/event.ts'
import type { EventFeed, EventFeedReader } from '../../core/ports.ts'
import { readError } from './client.ts'
import { eventsOfItems } from './log-item.ts'

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
      // Marks have no version.
      .query<number>('SELECT VALUE COUNT(1) FROM c WHERE IS_DEFINED(c.version)')
      .fetchAll()
      .catch((error: unknown) => {
        throw readError(error, this.#container)
      })
    return resources[0] ?? 0
  }

  open(): EventFeedReader {
    return new CosmosFeedReader(this.#container)
  }
}

/** One feed range after another, each until its own end: all of them are never at their end at once while somebody appends. */
class CosmosFeedReader implements EventFeedReader {
  readonly #container: Container
  #ranges: readonly RangeReader[] | undefined
  #current = 0

  constructor(container: Container) {
    this.#container = container
  }

  async next(): Promise<readonly RecordedEvent[] | undefined> {
    this.#ranges ??= await this.#openRanges()
    for (let range = this.#ranges[this.#current]; range; range = this.#ranges[this.#current]) {
      const { events, atEnd } = await range.next()
      if (atEnd) this.#current += 1
      if (events.length > 0) return events
    }
    this.#current = 0
    return undefined
  }

  async #openRanges(): Promise<readonly RangeReader[]> {
    const ranges = await this.#container.getFeedRanges().catch((error: unknown) => {
      throw readError(error, this.#container)
    })
    return ranges.map((range) => new RangeReader(this.#container, range))
  }
}

/** One feed range; one that is split is followed by the SDK. */
class RangeReader {
  readonly #container: Container
  #start: ChangeFeedStartFrom
  #feed: ChangeFeedPullModelIterator<unknown[]> | undefined

  constructor(container: Container, range: FeedRange) {
    this.#container = container
    this.#start = ChangeFeedStartFrom.Beginning(range)
  }

  /**
   * What comes next, read on until it is a full page or at the end, so that the end is found between two reads and not between two pages'
   * work: there, under load, something new has always come.
   */
  async next(): Promise<{ readonly events: readonly RecordedEvent[]; readonly atEnd: boolean }> {
    const events: RecordedEvent[] = []
    for (;;) {
      const { statusCode, result, continuationToken } = await this.#read()
      // `hasMoreResults` is always true: the status tells the end.
      const atEnd = statusCode === NOT_MODIFIED
      // What one transaction wrote has one place in the feed: only the version orders it.
      if (!atEnd) events.push(...eventsOfItems(result).sort((a, b) => a.version - b.version))
      if (!atEnd && events.length < PAGE) continue
      this.#start = ChangeFeedStartFrom.Continuation(continuationToken)
      return { events, atEnd }
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
