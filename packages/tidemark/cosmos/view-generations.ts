import type { Database } from '@azure/cosmos'
import type { Cursor, Freshness, ViewGenerations, WriteResult } from '../core/ports.ts'
import type { GenerationCodes } from '../core/view-code.ts'
import { FIRST_POINTER, findHighestGeneration, listGenerationNumbers, type ViewPointer } from '../core/view-pointer.ts'
import { queryPages } from './bounded.ts'
import { BulkWriter } from './bulk-writer.ts'
import { type ItemKey, readItem, writeItem } from './items.ts'
import { CosmosViewStore } from './view-store.ts'

const POINTER = 'pointer'
const POINTER_KEY: ItemKey = { id: POINTER, pk: POINTER }
/** In the partition of the pointer, which the sweep of old generations skips. */
const CODES_KEY: ItemKey = { id: 'codes', pk: POINTER }

const PAGE = 1000

/** The same database twice: `exact` reads with the account's default consistency, `relaxed` is cheaper. */
type Databases = Readonly<Record<Freshness, Database>>

/** The views of one service. Each has a container with all its generations and a pointer item. */
export class CosmosViewGenerations implements ViewGenerations {
  readonly #databases: Databases
  readonly #markerTtlSeconds: number

  readonly #unitsPerSecond: number | undefined

  /**
   * @param markerTtlSeconds how long applied markers are stored.
   * @param unitsPerSecond the budget of the clients, in request units. Absent: they have none.
   */
  constructor(databases: Databases, markerTtlSeconds: number, unitsPerSecond?: number) {
    this.#databases = databases
    this.#markerTtlSeconds = markerTtlSeconds
    this.#unitsPerSecond = unitsPerSecond
  }

  async readPointer(view: string): Promise<{ readonly pointer: ViewPointer; readonly etag: string | undefined }> {
    const item = await readItem<ViewPointer>(this.#databases.exact.container(view), POINTER_KEY)
    return item === undefined
      ? { pointer: FIRST_POINTER, etag: undefined }
      : { pointer: pickPointer(item), etag: item._etag }
  }

  async writePointer(view: string, pointer: ViewPointer, etag: string | undefined): Promise<WriteResult> {
    const item = { ...POINTER_KEY, ...pickPointer(pointer) }
    const result = await writeItem(this.#databases.exact.container(view), item, etag)
    if (result.outcome === 'written' || pointer.stamp === undefined) return result
    const current = await this.readPointer(view)
    const isOurs = current.pointer.stamp === pointer.stamp && current.etag !== undefined
    return isOurs ? { outcome: 'written', etag: current.etag } : result
  }

  async readCodes(view: string): Promise<{ readonly codes: GenerationCodes; readonly etag: string | undefined }> {
    const item = await readItem<{ readonly codes: GenerationCodes }>(this.#databases.exact.container(view), CODES_KEY)
    return { codes: item?.codes ?? {}, etag: item?._etag }
  }

  writeCodes(view: string, codes: GenerationCodes, etag: string | undefined): Promise<WriteResult> {
    return writeItem(this.#databases.exact.container(view), { ...CODES_KEY, codes }, etag)
  }

  store(view: string, generation: number, use?: 'rebuild'): CosmosViewStore {
    const { exact, relaxed } = this.#databases
    const containers = { exact: exact.container(view), relaxed: relaxed.container(view) }
    const bulk = use && new BulkWriter(containers.exact, this.#unitsPerSecond)
    return new CosmosViewStore(containers, generation, this.#markerTtlSeconds, bulk)
  }

  passed(
    view: string,
    generation: number,
  ): AsyncIterable<readonly { readonly key: string; readonly cursor: Cursor }[]> {
    const query = {
      query: 'SELECT c.key, c.cursor FROM c WHERE c.generation = @generation AND IS_DEFINED(c.cursor.passed)',
      parameters: [{ name: '@generation', value: generation }],
    }
    return queryPages(this.#databases.exact.container(view), query, { maxItemCount: PAGE })
  }

  async sweep(view: string, pointer: ViewPointer): Promise<void> {
    const container = this.#databases.exact.container(view)
    const kept = [...listGenerationNumbers(pointer)]
    const conditions = kept.map((_, index) => `NOT STARTSWITH(c.pk, @kept${index})`)
    const query = {
      query: `SELECT c.id, c.pk FROM c WHERE c.pk != @pointer AND ${conditions.join(' AND ')}`,
      parameters: [
        { name: '@pointer', value: POINTER },
        ...kept.map((generation, index) => ({ name: `@kept${index}`, value: `${generation}|` })),
      ],
    }
    const newest = findHighestGeneration(pointer)
    const bulk = new BulkWriter(container, this.#unitsPerSecond)
    for await (const page of queryPages<ItemKey>(container, query, { maxItemCount: PAGE })) {
      const dead = page.filter(({ pk }) => Number.parseInt(pk, 10) <= newest)
      await Promise.all(dead.map((item) => bulk.remove(item)))
    }
  }
}

/** Returns the pointer without the fields that Cosmos DB adds. */
function pickPointer({
  live,
  previous,
  building,
  written,
  built,
  highest,
  cursorsIn,
  stamp,
}: ViewPointer): ViewPointer {
  return {
    live,
    ...(previous === undefined ? {} : { previous }),
    ...(building === undefined ? {} : { building }),
    ...(written === undefined ? {} : { written }),
    ...(built === undefined ? {} : { built }),
    ...(highest === undefined ? {} : { highest }),
    ...(cursorsIn === undefined ? {} : { cursorsIn }),
    ...(stamp === undefined ? {} : { stamp }),
  }
}
