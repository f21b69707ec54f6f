import assert from 'node:assert/strict'
import { after, before } from 'node:test'
import { Items } from '../items/items.ts'
import { type Page, runQuery } from '../query/queries.ts'
import type { ResumeFilter } from '../query/resume-filter.ts'
import { Catalog, type Container } from '../resources/catalog.ts'
import { ALL_KEYS } from '../resources/feed-range.ts'
import { formatKey } from '../resources/partition-key.ts'
import type { EpkRange } from '../resources/ranges.ts'
import { Store } from '../store/store.ts'
import type { Json } from '../values/json.ts'
import { temporaryFolder } from './emulator.ts'

export interface PageOptions {
  readonly parameters?: Readonly<Record<string, unknown>>
  /** A logical partition, by the JSON array of its key. Default: all. */
  readonly pk?: string
  readonly maxItems?: number
  readonly continuation?: string | undefined
  /** A range. Default: all. */
  readonly epks?: EpkRange
  readonly resume?: ResumeFilter
}

/** Queries a store without a server, in the process of the test. */
export class QueryHarness {
  #folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined
  #store: Store | undefined
  #catalog: Catalog | undefined
  #items: Items | undefined
  #made = 0

  constructor() {
    before(async () => {
      this.#folder = await temporaryFolder()
      this.#open(this.#folder.path)
      await this.catalog.createDatabase({ id: 'd' })
    })
    after(async () => {
      this.store.close()
      await this.#folder?.remove()
    })
  }

  get store(): Store {
    assert.ok(this.#store)
    return this.#store
  }

  get catalog(): Catalog {
    assert.ok(this.#catalog)
    return this.#catalog
  }

  get items(): Items {
    assert.ok(this.#items)
    return this.#items
  }

  /** Closes the data and opens it again. */
  restart(): void {
    this.store.close()
    this.#open(this.#folder?.path ?? '')
  }

  #open(path: string): void {
    this.#store = new Store(path)
    this.#catalog = new Catalog(this.#store)
    this.#items = new Items(this.#store)
  }

  async container(settings: Json = {}): Promise<Container> {
    this.#made += 1
    const body = { id: String(this.#made), partitionKey: { paths: ['/pk'], kind: 'Hash' }, ...settings }
    return this.catalog.createContainer(this.catalog.database('d'), body)
  }

  /** A container with these items. Without an id, an item gets its place in the list as its id. */
  async createFilledContainer(documents: readonly Json[], settings: Json = {}): Promise<Container> {
    const container = await this.container(settings)
    await this.write(
      container,
      documents.map((document, index) => ({ id: formatId(index), ...document })),
    )
    return container
  }

  async write(container: Container, documents: readonly Json[]): Promise<void> {
    await this.store.write((lsn) => {
      for (const document of documents)
        this.items.upsert({ container, pk: formatKey([document.pk]) }, document, {}, lsn)
    })
  }

  async remove(container: Container, pk: unknown, id: string): Promise<void> {
    await this.store.write(() => this.items.remove({ container, pk: formatKey([pk]) }, id, {}))
  }

  page(container: Container, text: string, asked: PageOptions = {}): Promise<Page> {
    const { parameters = {}, pk, maxItems = 100, continuation, epks, resume } = asked
    const key = pk === undefined ? ALL_KEYS : ({ kind: 'one', pk } as const)
    const question = { text, parameters: new Map(Object.entries(parameters)), maxItems, continuation, resume }
    return runQuery(this.store, { container, key, epks }, question)
  }

  /** All results, page by page. */
  async ask(container: Container, text: string, asked: PageOptions = {}): Promise<unknown[]> {
    const results: unknown[] = []
    let continuation: string | undefined
    do {
      const page = await this.page(container, text, { ...asked, continuation })
      assert.ok(page.results.length <= (asked.maxItems ?? 100))
      results.push(...page.results.map((json) => JSON.parse(json)))
      continuation = page.continuation
    } while (continuation !== undefined)
    return results
  }

  /** SQLite's plans for what a task reads of the items. */
  async explainPlans(task: () => Promise<unknown>): Promise<string[]> {
    const { store } = this
    const { prepare } = store
    const texts = new Set<string>()
    store.prepare = (text) => {
      texts.add(text)
      return prepare.call(store, text)
    }
    try {
      await task()
    } finally {
      store.prepare = prepare
    }
    return [...texts]
      .filter((text) => text.startsWith('SELECT number, pk, id, body'))
      .map((text) =>
        store
          .prepare(`EXPLAIN QUERY PLAN ${text}`)
          .all()
          .map(({ detail }) => String(detail))
          .join('; '),
      )
  }
}

export const formatId = (index: number): string => String(index).padStart(3, '0')
