import { ChangeFeedStartFrom, type Container, ErrorResponse, type SqlParameter } from '@azure/cosmos'
import { parseCommit, type RecordedCommit, readCommitPosition } from '../core/commit.ts'
import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import { TidemarkError } from '../core/errors.ts'
import { eventId } from '../core/event.ts'
import type { CommitFilter, CommitPage, LogBrowser } from '../core/ports.ts'
import { queryItems } from './bounded.ts'
import { readError, readErrorCode } from './client.ts'

/**
 * The end of a page: how many commits to skip among those written up to `until`, the `_ts` of the newest
 * commit on the first page.
 */
interface Place {
  readonly until?: number
  readonly skip: number
}

/**
 * Lets operators browse the log's container. `_ts` is the second in which an item was written; it is always
 * indexed.
 * https://learn.microsoft.com/azure/cosmos-db/index-policy
 */
export class CosmosLogBrowser implements LogBrowser {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  newest({ category, type }: CommitFilter, limit: number, continuation?: string): Promise<CommitPage> {
    const where = [
      ...(category === undefined ? [] : ['STARTSWITH(c.stream, @category)']),
      ...(type === undefined ? [] : ['ARRAY_CONTAINS(c.types, @type)']),
    ]
    const parameters = [
      ...(category === undefined ? [] : [{ name: '@category', value: `${category}-` }]),
      ...(type === undefined ? [] : [{ name: '@type', value: type }]),
    ]
    return this.#page({ where, parameters, order: 'DESC' }, limit, continuation)
  }

  correlated(correlation: string, limit: number, continuation?: string): Promise<CommitPage> {
    const parameters = [{ name: '@correlation', value: correlation }]
    return this.#page({ where: ['c.correlation = @correlation'], parameters, order: 'ASC' }, limit, continuation)
  }

  streams(prefix: string, limit: number, after = ''): Promise<readonly string[]> {
    const query = {
      // Each stream has exactly one first commit.
      query:
        'SELECT VALUE c.stream FROM c WHERE c.id = @first AND STARTSWITH(c.stream, @prefix) AND c.stream > @after ' +
        `ORDER BY c.stream OFFSET 0 LIMIT ${limit}`,
      parameters: [
        { name: '@first', value: eventId(1) },
        { name: '@prefix', value: prefix },
        { name: '@after', value: after },
      ],
    }
    return queryItems<string>(this.#container, query)
  }

  async end(): Promise<string> {
    return (await this.#read(ChangeFeedStartFrom.Now(), 1)).continuation
  }

  async since(continuation: string, limit: number): Promise<Required<CommitPage>> {
    const token = readContinuation(continuation)
    if (!isFeedToken(token)) throw unknownContinuation()
    return this.#read(ChangeFeedStartFrom.Continuation(JSON.stringify(token)), limit)
  }

  async #read(changeFeedStartFrom: ChangeFeedStartFrom, maxItemCount: number): Promise<Required<CommitPage>> {
    const feed = this.#container.items.getChangeFeedIterator<unknown[]>({ changeFeedStartFrom, maxItemCount })
    try {
      const { result, continuationToken } = await feed.readNext()
      return {
        commits: parseReadableCommits(result ?? []),
        continuation: writeContinuation(JSON.parse(continuationToken)),
      }
    } catch (error) {
      // The SDK itself rejects the continuation, without a request: it belongs to a container that was
      // recreated.
      if (error instanceof ErrorResponse && readErrorCode(error) === undefined) throw unknownContinuation()
      throw readError(error, this.#container)
    }
  }

  async #page(
    {
      where,
      parameters,
      order,
    }: { where: readonly string[]; parameters: readonly SqlParameter[]; order: 'ASC' | 'DESC' },
    limit: number,
    continuation: string | undefined,
  ): Promise<CommitPage> {
    const { until, skip }: Place = continuation === undefined ? { skip: 0 } : readPlace(continuation)
    // Receipts have no `to`.
    const all = ['IS_DEFINED(c["to"])', ...where, ...(until === undefined ? [] : ['c._ts <= @until'])]
    const query = {
      query: `SELECT * FROM c WHERE ${all.join(' AND ')} ORDER BY c._ts ${order} OFFSET ${skip} LIMIT ${limit + 1}`,
      parameters: [...parameters, ...(until === undefined ? [] : [{ name: '@until', value: until }])],
    }
    const items = await queryItems<{ readonly _ts: number }>(this.#container, query)
    const page = items.slice(0, limit)
    const commits = parseReadableCommits(page)
    if (items.length <= limit) return { commits }
    const place: Place = { skip: skip + limit }
    // Newest first, later commits would shift the next page, so `until` excludes them. Oldest first, they
    // come last.
    return {
      commits,
      continuation: writeContinuation(order === 'ASC' ? place : { ...place, until: until ?? page[0]?._ts }),
    }
  }
}

/** The readable commits, in the order of the items. */
function parseReadableCommits(items: readonly unknown[]): RecordedCommit[] {
  return items.flatMap((item) => {
    if (readCommitPosition(item) === undefined) return []
    try {
      return parseCommit(item) ?? []
    } catch (error) {
      if (error instanceof TidemarkError) return []
      throw error
    }
  })
}

function readPlace(continuation: string): Place {
  const { until, skip } = readContinuation(continuation)
  if (!isCount(skip) || (until !== undefined && !isCount(until))) throw unknownContinuation()
  return { skip, ...(until === undefined ? {} : { until }) }
}

type Token = Readonly<Record<string, unknown>>

/** Whether the token has the shape of an SDK change feed continuation, as far as the SDK requires it. */
function isFeedToken({ rid, Continuation: ranges }: Token): boolean {
  const isRange = (range: Token | null): boolean =>
    typeof range?.minInclusive === 'string' && typeof range.maxExclusive === 'string'
  return typeof rid === 'string' && Array.isArray(ranges) && ranges.every(isRange)
}
