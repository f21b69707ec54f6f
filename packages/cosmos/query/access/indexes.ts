import { badRequest } from '../../api/failure.ts'
import type { FeedRange } from '../../resources/feed-range.ts'
import { FILL_INDEX } from '../../store/indexes.ts'
import type { ReadSource } from '../../store/snapshot.ts'
import { Store } from '../../store/store.ts'
import type { Term } from '../compile/queries.ts'
import { tiesDescend } from './position.ts'

/** An index of a container costs each of its writes something; queries that would need one more read all. */
const MAX_INDEXES = 16
/** Up to so many items reading all costs less than an index. */
const FEW = 64

/** An index, and the direction to read it in. */
export interface ReadyIndex {
  readonly number: number
  readonly byPartition: boolean
  readonly descending: boolean
}

const FIND = 'SELECT number FROM indexes WHERE container = ? AND terms = ? AND by_partition = ?'
const COUNT = 'SELECT count(*) AS count FROM indexes WHERE container = ?'
const MAKE = 'INSERT INTO indexes (container, terms, by_partition) SELECT number, ?, ? FROM containers WHERE number = ?'

/**
 * The index for an order of an extent's items, made where there is none yet and it would pay.
 */
export async function findOrCreateIndex(
  reads: ReadSource,
  feedRange: FeedRange,
  terms: readonly Term[],
): Promise<ReadyIndex | undefined> {
  const { container, key } = feedRange
  const byPartition = key.kind === 'one'
  // Its entries of the same values are in the order of the items' numbers: read backwards, both are turned.
  const descending = tiesDescend(terms)
  const stored = JSON.stringify(terms.map((term) => ({ path: term.path, descending: term.descending !== descending })))
  const find = (): ReadyIndex | undefined => {
    const row = reads.prepare(FIND).get(container.number, stored, Number(byPartition))
    return row && { number: Number(row.number), byPartition, descending }
  }
  const found = find()
  // What is past gets no index any more.
  if (found || !(reads instanceof Store) || hasFewItems(reads, feedRange)) return found
  const store = reads
  if (isFull(store, container.number)) return undefined
  return store.write(() => {
    // Another query may have been first.
    const other = find()
    if (other || isFull(store, container.number)) return other
    const { changes, lastInsertRowid } = store.prepare(MAKE).run(stored, Number(byPartition), container.number)
    if (changes === 0) throw badRequest(`the container ${container.id} was deleted`)
    store.prepare(FILL_INDEX).run(lastInsertRowid)
    store.recordIndexed(container.number)
    return { number: Number(lastInsertRowid), byPartition, descending }
  })
}

function hasFewItems(store: Store, { container, key }: FeedRange): boolean {
  const [condition, values] = key.kind === 'one' ? ['AND pk = ?', [key.pk]] : ['', []]
  const counted = store
    .prepare(`SELECT count(*) AS count FROM (SELECT 1 FROM items WHERE container = ? ${condition} LIMIT ${FEW + 1})`)
    .get(container.number, ...values)
  return Number(counted?.count) <= FEW
}

const isFull = (store: Store, container: number): boolean =>
  Number(store.prepare(COUNT).get(container)?.count) >= MAX_INDEXES
