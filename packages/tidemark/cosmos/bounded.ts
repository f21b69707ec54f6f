import type { Container, FeedOptions, SqlQuerySpec } from '@azure/cosmos'
import { readError } from './client.ts'

/**
 * How long one operation may take with all that the SDK tries by itself, in milliseconds: a little longer
 * than one request, since the SDK would try a read that times out 120 times over.
 */
const OPERATION_TIMEOUT_MS = 12_000

/** Ends an operation in time: what was given up is a read that failed, or a write of unknown outcome. */
export function bounded(): { readonly abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(OPERATION_TIMEOUT_MS) }
}

/**
 * All items of a query that says itself how many there may be, bounded as one operation.
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
 * The pages of a query, each bounded as an operation of its own. There are no empty ones.
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
    // An empty page is no end: the service may answer with one and a continuation.
    if (page.length > 0) yield page
  }
}
