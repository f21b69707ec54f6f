import type { Container, JSONObject } from '@azure/cosmos'
import { TidemarkError } from '../core/errors.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import type { ItemWriter } from '../core/ports.ts'
import { bounded } from './bounded.ts'
import { readError, readErrorCode, writeError } from './client.ts'
import { APPEND } from './limits.ts'

const CREATED = 201
const CONFLICT = 409
/** The service adds a few bytes around each operation of a batch. */
const PER_OPERATION = 200

/** Creates items in the container of a log. It needs no right to replace or delete one. */
export class CosmosItemWriter implements ItemWriter {
  readonly #container: Container

  constructor(container: Container) {
    this.#container = container
  }

  async create(items: readonly object[]): Promise<readonly object[]> {
    const others: object[] = []
    for (const batch of splitBatches(items))
      if (!(await this.#createAll(batch)))
        // Another restore has created some of them, or an earlier try has.
        for (const item of batch) if (!(await this.#createOne(item))) others.push(item)
    return others
  }

  async count(): Promise<number> {
    // Without a time limit: it counts the whole log.
    const { resources } = await this.#container.items
      .query<number>('SELECT VALUE COUNT(1) FROM c')
      .fetchAll()
      .catch((error: unknown) => {
        throw readError(error, this.#container)
      })
    return resources[0] ?? 0
  }

  /** @returns false if nothing was written, because one of them exists. */
  async #createAll(items: readonly object[]): Promise<boolean> {
    const stream = readStream(items[0])
    // A batch needs the value of a partition key, which items of others may lack.
    if (stream === undefined || items.length === 1) return false
    const operations = items.map((item) => ({
      operationType: 'Create' as const,
      resourceBody: item as unknown as JSONObject,
    }))
    const response = await this.#container.items.batch(operations, stream, bounded()).catch((error: unknown) => {
      throw writeError(error, this.#container)
    })
    const statuses = (response.result ?? []).map(({ statusCode }) => statusCode)
    if (statuses.length === items.length && statuses.every((status) => status === CREATED)) return true
    if (statuses.includes(CONFLICT)) return false
    const what = `the store answered ${[...new Set(statuses)].join(', ')} to items of ${stream}`
    throw new TidemarkError('outcome-unknown', what)
  }

  /** @returns false if it exists with another content. */
  async #createOne(item: object): Promise<boolean> {
    try {
      await this.#container.items.create(item, bounded())
      return true
    } catch (error) {
      if (readErrorCode(error) !== CONFLICT) throw writeError(error, this.#container)
    }
    return this.#has(item)
  }

  /** The conflict may be about the id, or about the key of a command, which another item has. */
  async #has(item: object): Promise<boolean> {
    const { id } = item as { readonly id?: unknown }
    const { resource } = await this.#container
      .item(String(id), readStream(item))
      .read<object>(bounded())
      .catch((error: unknown) => {
        throw readError(error, this.#container)
      })
    return resource !== undefined && canonicalHash(withoutSystemProperties(resource)) === canonicalHash(item)
  }
}

function readStream(item: object | undefined): string | undefined {
  const { stream } = (item ?? {}) as { readonly stream?: unknown }
  return typeof stream === 'string' ? stream : undefined
}

function withoutSystemProperties(item: object): object {
  const { _rid, _self, _etag, _attachments, _ts, ...rest } = item as Readonly<Record<string, unknown>>
  return rest
}

/** Splits items into batches that the service accepts, in order. */
function splitBatches(items: readonly object[]): readonly (readonly object[])[] {
  const batches: object[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + PER_OPERATION
    const last = batches.at(-1)
    bytes += size
    if (last !== undefined && last.length < APPEND.entries && bytes <= APPEND.bytes) last.push(item)
    else {
      batches.push([item])
      bytes = size
    }
  }
  return batches
}
