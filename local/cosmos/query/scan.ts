import { conditionsOf, type Extent } from '../items/extent.ts'
import { stepInto } from '../json.ts'
import type { Store } from '../store/store.ts'
import type { Mark } from './continuation.ts'
import { evaluate, type Parameters } from './evaluator.ts'
import type { Comparison, Expression, Query } from './syntax.ts'

// SQLite takes 1,000 conditions, and few make the most of the difference.
const MAX_BOUNDS = 16

/** An item that WHERE lets through. */
export interface Row {
  readonly pk: string
  readonly id: string
  readonly text: string
  readonly item: unknown
  /** Its values of ORDER BY. */
  readonly order: readonly unknown[]
}

/** What SQLite reads for a query: a superset, from which the evaluator selects. */
interface Scan {
  readonly conditions: string[]
  readonly values: (string | number)[]
  readonly order: string
  /** Whether rows come in the query's order. */
  readonly ordered: boolean
}

type Bound = readonly [path: readonly string[], operator: Comparison, value: string | number]

/**
 * The items that WHERE lets through.
 * @param from where the page before ended; rows before it may still come where `ordered` is false.
 * @returns `ordered`: whether they come in the order of the query.
 */
export function scan(
  store: Store,
  extent: Extent,
  query: Query,
  parameters: Parameters,
  from: Mark | undefined,
): { readonly ordered: boolean; readonly rows: Iterable<Row> } {
  const { conditions, values, order, ordered } = plan(extent, query, parameters, from)
  const statement = store.prepare(`SELECT pk, id, body FROM items WHERE ${conditions.join(' AND ')} ORDER BY ${order}`)
  function* rows(): Generator<Row> {
    for (const row of statement.iterate(...values)) {
      const text = String(row.body)
      const item: unknown = JSON.parse(text)
      if (query.where && evaluate(query.where, item, parameters) !== true) continue
      const orderValues = query.orderBy.map(({ path }) => path.reduce(stepInto, item))
      yield { pk: String(row.pk), id: String(row.id), text, item, order: orderValues }
    }
  }
  return { ordered, rows: rows() }
}

function plan(extent: Extent, { where, orderBy }: Query, parameters: Parameters, from: Mark | undefined): Scan {
  const { conditions, values } = conditionsOf(extent)
  const [keyPath, ...otherPaths] = extent.container.keyPaths
  const add = (condition: string, ...added: (string | number)[]): void => {
    conditions.push(condition)
    values.push(...added)
  }
  const numeric = new Set<string>()
  for (const [path, operator, value] of [...bounds(where, parameters)].slice(0, MAX_BOUNDS)) {
    const column = columnOf(path)
    if (operator === '=' && otherPaths.length === 0 && path.join('/') === keyPath?.join('/'))
      add('pk = ?', JSON.stringify([value]))
    else add(`${column} ${operator} ?`, value)
    if (typeof value === 'number') numeric.add(column)
  }
  const [term] = orderBy
  if (term === undefined) {
    if (from && extent.key.kind === 'one') add('id > ?', from.id)
    else if (from) add('(pk, id) > (?, ?)', from.pk, from.id)
    return { conditions, values, order: 'pk, id', ordered: true }
  }
  // Of what WHERE lets through, all have a number there: SQLite's order of those is exact.
  const path = extent.key.kind === 'one' && orderBy.length === 1 && isPlain(term.path) ? columnOf(term.path) : ''
  if (!numeric.has(path)) return { conditions, values, order: 'pk, id', ordered: false }
  const [last] = from?.order ?? []
  if (Number.isSafeInteger(last)) add(`${path} ${term.descending ? '<=' : '>='} ?`, Number(last))
  return { conditions, values, order: `${path} ${term.descending ? 'DESC' : 'ASC'}, id`, ordered: true }
}

/**
 * The comparisons of a path with a constant that every item must pass, where SQLite's answer is sure to let through all that the
 * evaluator would: with whole numbers that a double holds exactly, and equality with texts that are the same in UTF-8. Items may hold
 * other numbers, so that no bound is strict.
 */
function* bounds(where: Expression | undefined, parameters: Parameters): Generator<Bound> {
  if (where?.kind === 'and') for (const operand of where.operands) yield* bounds(operand, parameters)
  if (where?.kind !== 'compare' || where.left.kind !== 'path') return
  const { operator, left, right } = where
  if (right.kind !== 'constant' && right.kind !== 'parameter') return
  if (!isPlain(left.names)) return
  const value = evaluate(right, undefined, parameters)
  if (typeof value === 'string' && operator === '=' && value.isWellFormed()) yield [left.names, '=', value]
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || operator === '!=') return
  yield [left.names, operator === '<' ? '<=' : operator === '>' ? '>=' : operator, value]
}

/** Paths of plain names can stand in a statement as they are. */
function isPlain(path: readonly (string | number)[]): path is readonly string[] {
  return path.length > 0 && path.every((name) => typeof name === 'string' && /^\w+$/.test(name))
}

/** As in the store's index: SQLite knows it by its text. */
function columnOf(path: readonly string[]): string {
  if (path.length === 1 && path[0] === 'id') return 'id'
  return `json_extract(body, '$.${path.map((name) => `"${name}"`).join('.')}')`
}
