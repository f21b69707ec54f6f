import type { Container, SqlQuerySpec } from '@azure/cosmos'

// As many as the service sends in a page anyway: a page has 4 MB at most.
const PAGE = 5000

/** The pages of a query. @param partitionKey whose items alone are asked for. */
export async function* queryPages<Row>(
  container: Container,
  query: string | SqlQuerySpec,
  partitionKey?: string,
): AsyncGenerator<readonly Row[]> {
  const options = { maxItemCount: PAGE, ...(partitionKey === undefined ? {} : { partitionKey }) }
  const pages = container.items.query<Row>(query, options)
  while (pages.hasMoreResults()) yield (await pages.fetchNext()).resources ?? []
}

/** All rows of a query that has few. */
export async function queryRows<Row>(
  container: Container,
  query: string | SqlQuerySpec,
  partitionKey?: string,
): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of queryPages<Row>(container, query, partitionKey)) rows.push(...page)
  return rows
}

/** Rows one after another, with a look at the next. A page is in memory at a time. */
export class Rows<Row> {
  readonly #pages: AsyncIterator<readonly Row[]>
  readonly #onPage: (rows: number) => void
  #page: readonly Row[] = []
  #at = 0

  /** @param onPage hears how many rows each page has. */
  constructor(pages: AsyncIterable<readonly Row[]>, onPage: (rows: number) => void = () => {}) {
    this.#pages = pages[Symbol.asyncIterator]()
    this.#onPage = onPage
  }

  /** The next row, which stays the next; undefined at the end. */
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

  /** Goes on behind the row that was looked at. */
  skip(): void {
    this.#at += 1
  }
}
