import type { Container } from '../../resources/catalog.ts'
import type { FeedRange } from '../../resources/feed-range.ts'
import { formatKey, MAX_KEY_BYTES } from '../../resources/partition-key.ts'
import { compareTexts } from '../../values/values.ts'
import type { CompiledQuery, Term } from '../compile/queries.ts'
import { type Bounds, findBounds } from './bounds.ts'
import type { QueryInputs } from './constants.ts'
import { isIndexed } from './index-rules.ts'
import { type Intervals, isOneValue, rateSelectivity } from './intervals.ts'
import { findKeyValues, type KeyValues } from './key-values.ts'

/** How to find the items that WHERE may select. It reads too many rather than too few. */
export type Access =
  /** By key and id, in that order. */
  | { readonly kind: 'points'; readonly points: readonly Point[] }
  /** All of these logical partitions, in the order of key and id. */
  | { readonly kind: 'partitions'; readonly pks: readonly string[] }
  | {
      readonly kind: 'index'
      readonly terms: readonly Term[]
      /** Where the values of the first terms must be. All but the last of these terms have one value. */
      readonly bounds: readonly Intervals[]
    }
  /** All of the feed range, in the order of key and id. */
  | { readonly kind: 'all' }

interface Point {
  readonly pk: string
  readonly id: string
}

const ID = JSON.stringify(['id'])

interface AccessRequest extends QueryInputs {
  readonly query: CompiledQuery
  /** The order that rows must come in: that of ORDER BY, or of the earlier pages. */
  readonly order: readonly Term[]
  /** Whether this is the first page: its rows may come in the order of any index. */
  readonly isFirstPage: boolean
}

/**
 * Narrows a feed range to the one logical partition that WHERE names, or to those with a common prefix. Then
 * chooses how to read it.
 */
export function chooseAccess(
  feedRange: FeedRange,
  request: AccessRequest,
): { readonly extent: FeedRange; readonly access: Access } {
  const { condition } = request.query
  const keys = condition && findKeyValues(condition, listKeyPaths(feedRange.container), request)
  const points = keys && findPoints(keys, feedRange)
  if (points) return { extent: feedRange, access: { kind: 'points', points } }
  const pks = keys && feedRange.key.kind !== 'one' ? findPartitions(keys, feedRange.container) : undefined
  const [only, ...others] = pks ?? []
  if (only !== undefined && others.length === 0) {
    const narrowed: FeedRange = { ...feedRange, key: { kind: 'one', pk: only } }
    // A key without the prefix is outside the feed range.
    if (feedRange.key.kind === 'prefix' && !only.startsWith(feedRange.key.prefix))
      return { extent: feedRange, access: { kind: 'points', points: [] } }
    return { extent: narrowed, access: chooseIndex(narrowed, request) }
  }
  if (pks && request.order.length === 0) return { extent: feedRange, access: { kind: 'partitions', pks } }
  const prefix = pks ? undefined : keys && findCommonPrefix(keys, feedRange)
  const narrowed: FeedRange = prefix === undefined ? feedRange : { ...feedRange, key: { kind: 'prefix', prefix } }
  return { extent: narrowed, access: chooseIndex(narrowed, request) }
}

function chooseIndex(feedRange: FeedRange, request: AccessRequest): Access {
  const { query, order, isFirstPage: isFree } = request
  const bounds: Bounds = query.condition ? findBounds(query.condition, request) : new Map()
  const candidates = [...bounds]
    .map(([path, intervals]) => ({ path: JSON.parse(path) as string[], intervals, rank: rateSelectivity(intervals) }))
    .filter(({ path, rank }) => rank > 0 && isIndexed(feedRange.container, path) && !isKeyPath(feedRange, path))
  const best = candidates.reduce<(typeof candidates)[number] | undefined>(
    (found, one) => (found && found.rank >= one.rank ? found : one),
    undefined,
  )
  // A prefix of hierarchical keys narrows more than most indexes of the whole container.
  const usable = best && (feedRange.key.kind !== 'prefix' || best.rank >= 4) ? best : undefined
  const [first] = order
  if (first) {
    const own = boundOrder(order, bounds)
    if (own.length === 0 && usable && usable.rank >= 4) return toIndexAccess(usable)
    if (!isIndexed(feedRange.container, first.path) && order.length === 1) return { kind: 'all' }
    return { kind: 'index', terms: order, bounds: own }
  }
  return usable && isFree ? toIndexAccess(usable) : { kind: 'all' }
}

/**
 * The bounds of the first terms of an order, up to the first that has none or more than one value: equality
 * filters and then one range, as a composite index serves them.
 * https://learn.microsoft.com/azure/cosmos-db/index-policy#queries-with-a-filter-and-order-by
 */
function boundOrder(order: readonly Term[], bounds: Bounds): readonly Intervals[] {
  const found: Intervals[] = []
  for (const { path } of order) {
    const intervals = bounds.get(JSON.stringify(path))
    if (!intervals || rateSelectivity(intervals) === 0) break
    found.push(intervals)
    if (!isOneValue(intervals)) break
  }
  return found
}

const toIndexAccess = ({ path, intervals }: { path: readonly string[]; intervals: Intervals }): Access => ({
  kind: 'index',
  terms: [{ path, descending: false }],
  bounds: [intervals],
})

/** All items of one partition have the same value there. */
function isKeyPath({ container, key }: FeedRange, path: readonly string[]): boolean {
  return key.kind === 'one' && container.keyPaths.some((keyPath) => keyPath.join('/') === path.join('/'))
}

function listKeyPaths({ keyPaths }: Container): ReadonlySet<string> {
  return new Set([ID, ...keyPaths.map((path) => JSON.stringify(path))])
}

/** The points, if each key names an item: in the order of keys and ids, without duplicates. */
function findPoints(keys: readonly KeyValues[], { container, key }: FeedRange): readonly Point[] | undefined {
  const points = new Map<string, Point>()
  for (const values of keys) {
    if (!values.has(ID)) return undefined
    const id = values.get(ID)
    const pk = key.kind === 'one' ? key.pk : buildPk(values, container)
    if (pk === undefined) return undefined
    if (typeof id === 'string') points.set(`${pk}/${id}`, { pk, id })
  }
  return [...points.values()].sort((a, b) => compareTexts(a.pk, b.pk) || compareTexts(a.id, b.id))
}

/** The logical partitions, if each key names one. */
function findPartitions(keys: readonly KeyValues[], container: Container): readonly string[] | undefined {
  const pks = new Set<string>()
  for (const values of keys) {
    const pk = buildPk(values, container)
    if (pk === undefined) return undefined
    pks.add(pk)
  }
  return [...pks].sort(compareTexts)
}

/** The common prefix of the hierarchical keys, if it is narrower than the feed range. */
function findCommonPrefix(keys: readonly KeyValues[], { container, key }: FeedRange): string | undefined {
  if (key.kind === 'one') return undefined
  const prefixes = new Set(keys.map((values) => buildPrefix(values, container)))
  const [only] = prefixes
  if (only === undefined || prefixes.size > 1) return undefined
  return key.kind === 'all' || only.startsWith(key.prefix) ? only : undefined
}

function buildPrefix(values: KeyValues, { keyPaths }: Container): string | undefined {
  const paths = keyPaths.map((path) => JSON.stringify(path))
  const missing = paths.findIndex((path) => !values.has(path))
  if (missing <= 0) return undefined
  const text = toKeyText(paths.slice(0, missing).map((path) => values.get(path)))
  // As in the partition key header: the other components follow.
  return text && `${text.slice(0, -1)},`
}

function buildPk(values: KeyValues, { keyPaths }: Container): string | undefined {
  const paths = keyPaths.map((path) => JSON.stringify(path))
  if (!paths.every((path) => values.has(path))) return undefined
  return toKeyText(paths.map((path) => values.get(path)))
}

function toKeyText(components: readonly unknown[]): string | undefined {
  // No item can have a key this long.
  if (Buffer.byteLength(components.join('')) > MAX_KEY_BYTES) return undefined
  return formatKey(components)
}
