import { badRequest } from '../../api/failure.ts'
import type { FeedRange } from '../../resources/feed-range.ts'
import { FILL_INDEX } from '../../store/indexes.ts'
import type { ReadSource } from '../../store/snapshot.ts'
import { Store } from '../../store/store.ts'
import type { Term } from '../compile/queries.ts'
import { tiesDescend } from './position.ts'

/** Each index adds to the cost of a container's writes. Queries that would need one more read all items. */
const MAX_INDEXES = 16
/** Up to this number of items, reading all of them costs less than an index. */
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

/** Finds the index for an order of a feed range's items, and creates it if it is missing and would pay. */
export async function findOrCreateIndex(
  reads: ReadSource,
  feedRange: FeedRange,
  terms: readonly Term[],
): Promise<ReadyIndex | undefined> {
  const { container, key } = feedRange
  const byPartition = key.kind === 'one'
  // Entries with equal values are ordered by item number, so reading backwards reverses both.
  const descending = tiesDescend(terms)
  const stored = JSON.stringify(terms.map((term) => ({ path: term.path, descending: term.descending !== descending })))
  const find = (): ReadyIndex | undefined => {
    const row = reads.prepare(FIND).get(container.number, stored, Number(byPartition))
    return row && { number: Number(row.number), byPartition, descending }
  }
  const found = find()
  // A snapshot gets no new index.
  if (found || !(reads instanceof Store) || hasFewItems(reads, feedRange)) return found
  const store = reads
  if (isFull(store, container.number)) return undefined
  return store.write(() => {
    // Another query may have created it meanwhile.
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
