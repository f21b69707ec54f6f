import type { Container, FeedOptions, SqlQuerySpec } from '@azure/cosmos'
import { readError } from './client.ts'

/**
 * The time limit of one operation, in milliseconds, including the SDK's own retries. It is a little longer
 * than one request. Without it, the SDK would retry a timed-out read 120 times.
 */
const OPERATION_TIMEOUT_MS = 12_000

/**
 * Aborts an operation after its time limit. An aborted read has failed; an aborted write has an unknown
 * outcome.
 */
export function bounded(): { readonly abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(OPERATION_TIMEOUT_MS) }
}

/**
 * Returns all items of a query that limits its own size. The whole query has the time limit of one operation.
 * @throws TidemarkError `unavailable`, `container-missing`
 */
export async function queryItems<Item>(
  container: Container,
  query: SqlQuerySpec,
  options: FeedOptions = {},
): Promise<readonly Item[]> {
  try {
    return (await container.items.query<Item>(query, { ...options, ...bounded() }).fetchAll()).resources
  } catch (error) {
    throw readError(error, container)
  }
}

/**
 * Yields the pages of a query, without the empty ones. Each page has the time limit of one operation.
 * @throws TidemarkError `unavailable`, `container-missing`
 */
export async function* queryPages<Item>(
  container: Container,
  query: SqlQuerySpec,
  options: FeedOptions,
): AsyncIterable<readonly Item[]> {
  const controller = new AbortController()
  const pages = container.items.query<Item>(query, { ...options, abortSignal: controller.signal })
  const next = async (): Promise<readonly Item[]> => {
    const timer = setTimeout(() => controller.abort(), OPERATION_TIMEOUT_MS)
    try {
      return (await pages.fetchNext()).resources ?? []
    } catch (error) {
      throw readError(error, container)
    } finally {
      clearTimeout(timer)
    }
  }
  while (pages.hasMoreResults()) {
    const page = await next()
    // An empty page is not the end: the service may answer with an empty page and a continuation.
    if (page.length > 0) yield page
  }
}
