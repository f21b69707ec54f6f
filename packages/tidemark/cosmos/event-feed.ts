import type { Container } from '@azure/cosmos'
import { type RecordedCommit, selectCommits } from '../core/commit.ts'
import { readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { EventFeed, EventFeedReader, FeedStart } from '../core/ports.ts'
import { ChangeFeedReader } from './change-feed.ts'
import { readError } from './client.ts'

/** The commits in the change feed of the log's container. */
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

/** Reads the change feed, and returns the commits in it. */
class CosmosFeedReader implements EventFeedReader {
  readonly #container: Container
  readonly #start: FeedStart
  #reader: ChangeFeedReader | undefined
  /** The feed's continuation after the last commits that were returned. */
  #continuation: string | undefined
  #isParsed = false
  #isAtEnd = false

  constructor(container: Container, start: FeedStart) {
    this.#container = container
    this.#start = start
  }

  get offset(): string | undefined {
    return this.#continuation === undefined ? this.#start.offset : writeContinuation({ feed: this.#continuation })
  }

  async next(): Promise<readonly RecordedCommit[] | undefined> {
    while (!this.#isAtEnd) {
      const commits = await this.#readPage()
      if (commits.length > 0) return commits
    }
    this.#isAtEnd = false
    this.#reader?.beginRound()
    return undefined
  }

  async #readPage(): Promise<readonly RecordedCommit[]> {
    const reader = this.#open()
    try {
      const { items, continuation, atEnd } = await reader.next()
      const commits = selectCommits(items)
      this.#continuation = continuation
      this.#isAtEnd = atEnd
      return commits
    } catch (error) {
      // It is unknown how far a failed read advanced, so the next read starts after the last returned result.
      this.#reader = undefined
      throw isTidemarkError(error, 'archive-broken') ? unknownContinuation() : error
    }
  }

  #open(): ChangeFeedReader {
    const { since, offset, once } = this.#start
    if (!this.#isParsed && offset !== undefined) this.#continuation = parseOffset(offset, once)
    this.#isParsed = true
    this.#reader ??= new ChangeFeedReader(this.#container, { continuation: this.#continuation, since })
    return this.#reader
  }
}

/**
 * An earlier build had a continuation for each range of partitions, which cannot be continued here.
 * @returns the feed's continuation; undefined to begin again.
 * @throws TidemarkError `invalid-query` for an offset that no reader returned, and with `once` for one of an earlier
 *   build.
 */
function parseOffset(offset: string, once: true | undefined): string | undefined {
  const { feed, continuations } = readContinuation(offset)
  if (typeof feed === 'string') return feed
  const isEarlier =
    Array.isArray(continuations) && continuations.every((each) => each === null || typeof each === 'string')
  if (!isEarlier || continuations.length === 0 || once) throw unknownContinuation()
  return undefined
}
