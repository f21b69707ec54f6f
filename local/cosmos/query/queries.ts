import { badRequest } from '../failure.ts'
import { MAX_PAGE_BYTES } from '../items/change-feed.ts'
import type { Extent } from '../items/extent.ts'
import { setField } from '../json.ts'
import type { Store } from '../store/store.ts'
import { type Mark, readMark, writeMark } from './continuation.ts'
import { compareTexts, compareValues, evaluate, type Parameters } from './evaluator.ts'
import { parseQuery } from './parser.ts'
import { type Row, scan } from './scan.ts'
import type { Expression, Query } from './syntax.ts'

const CACHED_QUERIES = 500
const CACHED_LENGTH = 4096
const parsed = new Map<string, Query>()

/** Parsing is paid once for a text that comes again; the one not used for longest goes first. */
function parseCached(text: string): Query {
  const query = parsed.get(text) ?? parseQuery(text)
  if (text.length > CACHED_LENGTH) return query
  parsed.delete(text)
  parsed.set(text, query)
  const [oldest] = parsed.keys()
  if (parsed.size > CACHED_QUERIES && oldest !== undefined) parsed.delete(oldest)
  return query
}

export interface Page {
  /** Each one's JSON. */
  readonly results: readonly string[]
  readonly loadedBytes: number
  readonly continuation?: string
}

export interface Question {
  readonly text: string
  readonly parameters: Parameters
  readonly maxItems: number
  readonly continuation: string | undefined
}

/**
 * Evaluates a query over a container, or one partition of it.
 * @throws Failure 400 for a query outside the subset.
 */
export function runQuery(store: Store, extent: Extent, question: Question): Page {
  const { text, parameters, maxItems, continuation } = question
  const query = parseCached(text)
  for (const name of query.parameters)
    if (!parameters.has(name)) throw badRequest(`the query's parameter ${name} has no value`)
  const offset = wholeNumber(query.offset, parameters, 0)
  const limit = wholeNumber(query.limit, parameters, Number.POSITIVE_INFINITY)
  const from = continuation === undefined ? undefined : readMark(continuation, query.orderBy.length)
  const { ordered, rows } = scan(store, extent, query, parameters, from)
  if (query.select.kind === 'count') return { results: [String(count(rows))], loadedBytes: 0 }

  let [seen, bytes] = [from?.seen ?? 0, 0]
  let last: Row | undefined
  const results: string[] = []
  for (const row of ordered ? rows : sorted(rows, query, from)) {
    if (seen >= offset + limit) break
    // Of those with the same value as the last one, SQLite brings some again.
    if (from && query.orderBy.length > 0 && compareRows(query, row, from) <= 0) continue
    if (last && (results.length >= maxItems || bytes >= MAX_PAGE_BYTES))
      return { results, loadedBytes: bytes, continuation: writeMark({ ...last, seen }) }
    seen += 1
    last = row
    if (seen <= offset) continue
    const result = project(query, row, parameters)
    if (result === undefined) continue
    results.push(result)
    bytes += result.length
  }
  return { results, loadedBytes: bytes }
}

function count(rows: Iterable<Row>): number {
  let counted = 0
  for (const _ of rows) counted += 1
  return counted
}

function sorted(rows: Iterable<Row>, query: Query, from: Mark | undefined): Row[] {
  const rest: Row[] = []
  for (const row of rows) if (from === undefined || compareRows(query, row, from) > 0) rest.push(row)
  return rest.sort((a, b) => compareRows(query, a, b))
}

/** By ORDER BY, then by key and id, so that no two are equal. */
function compareRows({ orderBy }: Query, a: Omit<Mark, 'seen'>, b: Omit<Mark, 'seen'>): number {
  for (const [index, { descending }] of orderBy.entries()) {
    const order = compareValues(a.order[index], b.order[index])
    if (order !== 0) return descending ? -order : order
  }
  return compareTexts(a.pk, b.pk) || compareTexts(a.id, b.id)
}

/** The JSON of a result; undefined where it has no value. */
function project({ select }: Query, { text, item }: Row, parameters: Parameters): string | undefined {
  if (select.kind === 'value') return JSON.stringify(evaluate(select.value, item, parameters))
  if (select.kind !== 'list') return text
  const result = {}
  for (const { name, value } of select.fields) {
    const selected = evaluate(value, item, parameters)
    if (selected !== undefined) setField(result, name, selected)
  }
  return JSON.stringify(result)
}

function wholeNumber(expression: Expression | undefined, parameters: Parameters, otherwise: number): number {
  if (expression === undefined) return otherwise
  const value = evaluate(expression, undefined, parameters)
  if (!Number.isSafeInteger(value) || Number(value) < 0) throw badRequest('TOP, OFFSET and LIMIT take whole numbers')
  return Number(value)
}
