import type { StatementSync } from 'node:sqlite'
import { readCharge } from '../api/charges.ts'
import { notFound } from '../api/failure.ts'
import type { LogicalPartition } from '../resources/feed-range.ts'
import type { ReadSource } from '../store/snapshot.ts'

const READ = 'SELECT number, etag, body, expires FROM items WHERE container = ? AND pk = ? AND id = ?'
const READ_ID = 'SELECT id FROM items WHERE number = ? AND container = ? AND pk = ?'

/** An item as it is stored. */
export interface Item {
  /** Part of its rid. */
  readonly number: number
  readonly etag: string
  /** With the system properties. */
  readonly json: string
}

/** The result of an operation on an item. */
export interface Outcome {
  readonly status: number
  readonly item?: Item
  /** Request units. */
  readonly charge: number
}

/** Finds items by their keys, in the current data or in a snapshot. Ignores expired items. */
export class ItemReader {
  readonly #read: StatementSync
  readonly #readId: StatementSync

  constructor(reads: ReadSource) {
    this.#read = reads.compile(READ)
    this.#readId = reads.compile(READ_ID)
  }

  /** @throws Failure 404 */
  read(partition: LogicalPartition, id: string, ifNoneMatch?: string): Outcome {
    const item = this.get(partition, id)
    const same = ifNoneMatch === '*' || ifNoneMatch === item.etag
    return { status: same ? 304 : 200, item, charge: same ? 1 : readCharge(Buffer.byteLength(item.json)) }
  }

  /** The id of the item with this number; undefined when this partition has none. */
  findId({ container, pk }: LogicalPartition, number: number): string | undefined {
    const row = this.#readId.get(number, container.number, pk)
    return row && String(row.id)
  }

  /** @throws Failure 404 */
  protected get(partition: LogicalPartition, id: string): Item {
    const item = this.find(partition, id)
    if (!item) throw notFound(`the item ${id}`)
    return item
  }

  protected find({ container, pk }: LogicalPartition, id: string): Item | undefined {
    const row = this.#read.get(container.number, pk, id)
    if (!row || (row.expires !== null && Number(row.expires) <= Date.now() / 1000)) return undefined
    return { number: Number(row.number), etag: String(row.etag), json: String(row.body) }
  }
}
