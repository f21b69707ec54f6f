import { buildConditions, type FeedRange } from '../../resources/feed-range.ts'
import { encodeKey, isTruncated } from '../../store/index-key.ts'
import { compareTexts } from '../../values/values.ts'
import type { Term } from '../compile/queries.ts'
import type { Access } from './access.ts'
import type { ReadyIndex } from './indexes.ts'
import { composeIntervals, type Interval } from './intervals.ts'
import type { Position } from './position.ts'

/** How to read the items of a query. */
export interface ReadPlan {
  readonly feedRange: FeedRange
  readonly access: Access
  /** Set when the access is an index that exists. */
  readonly index: ReadyIndex | undefined
  /** What rows are ordered by. */
  readonly order: readonly Term[]
  /** Whether the query reads inside items, so that their JSON is parsed. */
  readonly readsItem: boolean
  /** Where the previous page ended. A read in the order of rows begins there, any other at the beginning. */
  readonly from: Position | undefined
}

interface Statement {
  readonly text: string
  readonly values: (string | number | Uint8Array)[]
}

/** Whether items are read in the order of the query's rows. */
export function isInOrder({ access, index, order }: ReadPlan): boolean {
  return order.length === 0 ? access.kind !== 'index' || !index : index !== undefined && isOrderedBy(access, order)
}

const isOrderedBy = (access: Access, order: readonly Term[]): boolean =>
  access.kind === 'index' && JSON.stringify(access.terms) === JSON.stringify(order)

/** SQLite's statements, to run one after the other. */
export function buildStatements(plan: ReadPlan): readonly Statement[] {
  const { feedRange, access, index } = plan
  const from = isInOrder(plan) ? plan.from : undefined
  if (access.kind === 'points')
    return access.points
      .filter(({ pk, id }) => !from || isRemaining(compareTexts(pk, from.pk) || compareTexts(id, from.id), from))
      .map(({ pk, id }) => byKey({ ...feedRange, key: { kind: 'one', pk } }, { condition: 'id = ?', values: [id] }))
  if (access.kind === 'partitions')
    return access.pks
      .filter((pk) => !from || compareTexts(pk, from.pk) >= 0)
      .map((pk) => byPartition(feedRange, pk, from?.pk === pk ? from : undefined))
  if (access.kind === 'index' && index) {
    const { bounds, terms } = access
    const stored = composeIntervals(bounds, findReversed(index, terms))
    const ordered = index.descending ? stored.toReversed() : stored
    const start = from && buildStart(index, terms, from)
    return ordered.flatMap((interval) => byIndex(feedRange, index, interval, start) ?? [])
  }
  if (feedRange.key.kind === 'one') return [byPartition(feedRange, feedRange.key.pk, from)]
  const rest = from && { condition: `(pk, id) ${operatorAfter(from)} (?, ?)`, values: [from.pk, from.id] }
  return [byKey(feedRange, rest)]
}

/** Reads an item again when the page ended in the middle of its rows. */
const operatorAfter = (from: Position): string => (from.place === undefined ? '>' : '>=')
const isRemaining = (order: number, from: Position): boolean => (from.place === undefined ? order > 0 : order >= 0)

interface ExtraCondition {
  readonly condition: string
  readonly values: (string | number)[]
}

function byPartition(feedRange: FeedRange, pk: string, from: Position | undefined): Statement {
  const one: FeedRange = { ...feedRange, key: { kind: 'one', pk } }
  return byKey(one, from && { condition: `id ${operatorAfter(from)} ?`, values: [from.id] })
}

function byKey(feedRange: FeedRange, extra: ExtraCondition | undefined): Statement {
  const { conditions, values } = buildConditions(feedRange)
  const all = extra ? [...conditions, extra.condition] : conditions
  return {
    text: `SELECT number, pk, id, body FROM items WHERE ${all.join(' AND ')} ORDER BY pk, id`,
    values: extra ? [...values, ...extra.values] : values,
  }
}

/** @returns undefined when earlier pages have read all of the interval. */
function byIndex(
  feedRange: FeedRange,
  index: ReadyIndex,
  interval: Interval,
  start: Start | undefined,
): Statement | undefined {
  const bounds = buildBounds(interval, index.descending, start)
  if (!bounds) return undefined
  const { key } = feedRange
  const { conditions, values } = buildConditions(feedRange)
  const entries = ['idx = ?', 'part = ?', ...bounds.map(({ condition }) => condition)]
  const direction = index.descending ? 'DESC' : 'ASC'
  return {
    text: `SELECT number, pk, id, body FROM index_entries CROSS JOIN items ON items.number = index_entries.item
      WHERE ${[...entries, ...conditions].join(' AND ')} ORDER BY value ${direction}, item ${direction}`,
    values: [
      index.number,
      index.byPartition && key.kind === 'one' ? key.pk : '',
      ...bounds.flatMap((bound) => bound.values),
      ...values,
    ],
  }
}

/** Where the index is read on after earlier pages. */
interface Start {
  readonly key: Buffer
  readonly bound: Bound
}

interface Bound {
  readonly condition: string
  readonly values: (number | Uint8Array)[]
}

/** For each term, whether the index stores its values in reversed order. */
const findReversed = ({ descending }: ReadyIndex, terms: readonly Term[]): readonly boolean[] =>
  terms.map((term) => term.descending !== descending)

function buildStart(index: ReadyIndex, terms: readonly Term[], from: Position): Start {
  const key = encodeKey(from.order, findReversed(index, terms))
  const sign = index.descending ? '<' : '>'
  // The index orders items with the same cut text differently from the results.
  if (from.order.some(isTruncated)) return { key, bound: { condition: `value ${sign}= ?`, values: [key] } }
  const operator = from.place === undefined ? sign : `${sign}=`
  return {
    key,
    bound: {
      condition: `(value, item) ${operator} (?, ?)`,
      values: [key, from.number],
    },
  }
}

/**
 * The start replaces one end of the interval: SQLite seeks by only one of two conditions for the same end, and
 * that must be the narrower one.
 */
function buildBounds({ low, high }: Interval, descending: boolean, start: Start | undefined): Bound[] | undefined {
  const lower = { condition: 'value >= ?', values: [low] }
  const upper = high && { condition: 'value < ?', values: [high] }
  if (!start) return upper ? [lower, upper] : [lower]
  const isBehindLow = Buffer.compare(start.key, low) < 0
  const isBehindHigh = high !== undefined && Buffer.compare(start.key, high) >= 0
  if (descending) {
    if (isBehindLow) return undefined
    return isBehindHigh && upper ? [lower, upper] : [lower, start.bound]
  }
  if (isBehindHigh) return undefined
  const first = isBehindLow ? lower : start.bound
  return upper ? [first, upper] : [first]
}
