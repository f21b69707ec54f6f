import type { Container, SqlQuerySpec } from '@azure/cosmos'

// Pages never get this long: the service limits a page to 4 MB.
const PAGE = 5000

/** Yields the pages of a query. @param partitionKey restricts it to one partition. */
export async function* queryPages<Row>(
  container: Container,
  query: string | SqlQuerySpec,
  partitionKey?: string,
): AsyncGenerator<readonly Row[]> {
  const options = { maxItemCount: PAGE, ...(partitionKey === undefined ? {} : { partitionKey }) }
  const pages = container.items.query<Row>(query, options)
  while (pages.hasMoreResults()) yield (await pages.fetchNext()).resources ?? []
}

/** Returns all rows of a query with few results. */
export async function queryRows<Row>(
  container: Container,
  query: string | SqlQuerySpec,
  partitionKey?: string,
): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of queryPages<Row>(container, query, partitionKey)) rows.push(...page)
  return rows
}

/** Iterates over rows with a look-ahead of one. It holds one page in memory. */
export class Rows<Row> {
  readonly #pages: AsyncIterator<readonly Row[]>
  readonly #onPage: (rows: number) => void
  #page: readonly Row[] = []
  #at = 0

  /** @param onPage receives the number of rows of each page. */
  constructor(pages: AsyncIterable<readonly Row[]>, onPage: (rows: number) => void = () => {}) {
    this.#pages = pages[Symbol.asyncIterator]()
    this.#onPage = onPage
  }

  /** Returns the next row without advancing; undefined at the end. */
  async peek(): Promise<Row | undefined> {
    while (this.#at === this.#page.length) {
      const { done, value } = await this.#pages.next()
      if (done) return undefined
      this.#page = value
      this.#at = 0
      this.#onPage(value.length)
    }
    return this.#page[this.#at]
  }

  /** Advances past the row that `peek` returned. */
  skip(): void {
    this.#at += 1
  }
}
