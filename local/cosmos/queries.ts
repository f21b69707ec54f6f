import type { Container } from './catalog.ts'
import { badRequest } from './failure.ts'
import type { Json } from './items.ts'
import { compareValues, evaluate, type Parameters } from './query-evaluator.ts'
import { type Expression, parseQuery, type Query } from './query-parser.ts'
import type { Store } from './store.ts'

const CACHED_QUERIES = 500
const parsed = new Map<string, Query>()

/** Parsing is paid once for a text that comes again; the oldest goes first. */
function parseCached(text: string): Query {
  const known = parsed.get(text)
  if (known) return known
  const query = parseQuery(text)
  parsed.set(text, query)
  const [oldest] = parsed.keys()
  if (parsed.size > CACHED_QUERIES && oldest !== undefined) parsed.delete(oldest)
  return query
}

export interface Page {
  readonly results: readonly unknown[]
  readonly continuation?: string
}

/** Where a page ended: the order's values and the item, so that a page goes on right whatever was written meanwhile. */
interface Mark {
  readonly order: readonly unknown[]
  readonly pk: string
  readonly id: string
  /** How many results came before: for LIMIT and OFFSET. */
  readonly seen: number
}

interface Row {
  readonly pk: string
  readonly id: string
  readonly item: Json
  readonly order: readonly unknown[]
}

/**
 * Evaluates a query over a container, or one partition of it.
 * @throws Failure 400 for a query outside the subset.
 */
export function runQuery(
  store: Store,
  container: Container,
  pk: string | undefined,
  text: string,
  parameters: Parameters,
  maxItems: number,
  continuation: string | undefined,
): Page {
  const query = parseCached(text)
  const from = continuation === undefined ? undefined : readMark(continuation)
  const selected = select(store, container, pk, query, parameters, query.orderBy.length === 0 ? from : undefined)
  if (query.select.kind === 'count') return { results: [[...selected].length] }
  const rows = query.orderBy.length === 0 ? selected : ordered(selected, query, from)

  const offset = wholeNumber(query.offset, parameters, 0)
  const limit = wholeNumber(query.limit, parameters, Number.POSITIVE_INFINITY)
  let seen = from?.seen ?? 0
  let last: Row | undefined
  const results: unknown[] = []
  for (const row of rows) {
    if (seen >= offset + limit) break
    if (results.length === maxItems && last) return { results, continuation: writeMark({ ...last, seen }) }
    seen += 1
    last = row
    if (seen <= offset) continue
    const result = project(query, row.item, parameters)
    if (result !== undefined) results.push(result)
  }
  return { results }
}

/** The items that WHERE lets through, in the order of the file. */
function* select(
  store: Store,
  container: Container,
  pk: string | undefined,
  query: Query,
  parameters: Parameters,
  from: Mark | undefined,
): Generator<Row> {
  const conditions = ['container = ?', '(expires IS NULL OR expires > ?)']
  const values: (string | number)[] = [container.number, Date.now() / 1000]
  if (pk !== undefined) {
    conditions.push('pk = ?')
    values.push(pk)
  }
  if (from) {
    conditions.push('(pk, id) > (?, ?)')
    values.push(from.pk, from.id)
  }
  for (const [condition, value] of pushedDown(query.where, parameters)) {
    conditions.push(condition)
    values.push(value)
  }
  const statement = store.sql.prepare(
    `SELECT pk, id, body FROM items WHERE ${conditions.join(' AND ')} ORDER BY pk, id`,
  )
  for (const row of statement.iterate(...values)) {
    const item = JSON.parse(String(row.body)) as Json
    if (query.where && evaluate(query.where, item, parameters) !== true) continue
    yield {
      pk: String(row.pk),
      id: String(row.id),
      item,
      order: query.orderBy.map(({ path }) => evaluate(path, item, parameters)),
    }
  }
}

/**
 * What SQLite can filter before: the comparisons of a path with a number, and its equality with a text, that every item must pass. What
 * it lets through is still evaluated.
 */
function pushedDown(
  where: Expression | undefined,
  parameters: Parameters,
): [condition: string, value: string | number][] {
  if (where === undefined) return []
  if (where.kind === 'and') return [...pushedDown(where.left, parameters), ...pushedDown(where.right, parameters)]
  if (
    where.kind !== 'compare' ||
    where.operator === '!=' ||
    where.left.kind !== 'path' ||
    where.left.names.length === 0
  )
    return []
  if (where.right.kind !== 'constant' && where.right.kind !== 'parameter') return []
  const value = evaluate(where.right, {}, parameters)
  const { names } = where.left
  if (names.some((name) => typeof name !== 'string' || !/^\w+$/.test(name))) return []
  if (typeof value !== 'number' && !(typeof value === 'string' && where.operator === '=')) return []
  return [[`json_extract(body, '$.${names.join('.')}') ${where.operator} ?`, value]]
}

function ordered(rows: Iterable<Row>, query: Query, from: Mark | undefined): Row[] {
  const compare = (a: Pick<Row, 'order' | 'pk' | 'id'>, b: Pick<Row, 'order' | 'pk' | 'id'>): number => {
    for (const [index, { descending }] of query.orderBy.entries()) {
      const order = compareValues(a.order[index], b.order[index])
      if (order !== 0) return descending ? -order : order
    }
    return compareValues(a.pk, b.pk) || compareValues(a.id, b.id)
  }
  const all = [...rows].filter((row) => from === undefined || compare(row, from) > 0)
  return all.sort(compare)
}

function project({ select }: Query, item: Json, parameters: Parameters): unknown {
  switch (select.kind) {
    case 'all':
      return item
    case 'value':
      return evaluate(select.value, item, parameters)
    case 'list':
      return Object.fromEntries(
        select.fields
          .map(({ name, value }) => [name, evaluate(value, item, parameters)])
          .filter(([, value]) => value !== undefined),
      )
    case 'count':
      throw new Error('a count has no items')
  }
}

function wholeNumber(expression: Expression | undefined, parameters: Parameters, otherwise: number): number {
  if (expression === undefined) return otherwise
  const value = evaluate(expression, {}, parameters)
  if (!Number.isInteger(value) || Number(value) < 0) throw badRequest('TOP, OFFSET and LIMIT take whole numbers')
  return Number(value)
}

function writeMark({ order, pk, id, seen }: Mark & Partial<Row>): string {
  return Buffer.from(
    JSON.stringify({ order: order.map((value) => (value === undefined ? {} : { value })), pk, id, seen }),
  ).toString('base64')
}

function readMark(text: string): Mark {
  try {
    const { order, pk, id, seen } = JSON.parse(Buffer.from(text, 'base64').toString())
    return {
      order: order.map((term: { value?: unknown }) => term.value),
      pk: String(pk),
      id: String(id),
      seen: Number(seen),
    }
  } catch {
    throw badRequest('the continuation is not one that this endpoint gave')
  }
}
