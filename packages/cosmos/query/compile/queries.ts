import { formatCanonical } from '../../values/values.ts'
import { createAggregation } from '../evaluation/aggregates.ts'
import type { Evaluate, Frame } from '../evaluation/frame.ts'
import { queryFailure, unsupported } from '../syntax/query-failure.ts'
import type { Expression, OrderItem, Query, SelectItem, Selection, Source } from '../syntax/syntax.ts'
import { type CompiledAggregate, type Context, formatIdentity, Scope } from './context.ts'
import { compileExpression, compileObject } from './expressions.ts'
import { type Bind, compileSources, findAlias } from './sources.ts'
import { hasAggregate } from './walk.ts'

/** A term of ORDER BY: the path from an item to the value. */
export interface Term {
  readonly path: readonly string[]
  readonly descending: boolean
}

interface Grouping {
  readonly keys: readonly Evaluate[]
  readonly aggregates: readonly CompiledAggregate[]
}

interface Body {
  readonly bind: Bind
  readonly where: Evaluate | undefined
  readonly group: Grouping | undefined
  /** The value of a row, or of a group. */
  readonly result: Evaluate
}

/** A compiled query. It runs over items, each in the slot 0. */
export interface CompiledQuery extends Body {
  /** Whether the result is the unchanged item. */
  readonly isWhole: boolean
  /** Whether each item is one row. */
  readonly isPlain: boolean
  /** Whether the query reads inside items. `SELECT *` and COUNT(1) do not. */
  readonly readsItem: boolean
  /** Whether the query reads no items, because it has no FROM. */
  readonly isConstant: boolean
  readonly distinct: boolean
  readonly orderBy: readonly Term[]
  /** TOP or LIMIT. */
  readonly limit: Evaluate | undefined
  readonly offset: Evaluate | undefined
  readonly parameters: ReadonlySet<string>
  /**
   * The text that a continuation belongs to. An ordered query leaves out its WHERE, as clients that resume it
   * put the place there.
   */
  readonly continuationText: string
  /** For the choice of an index. */
  readonly condition: Condition | undefined
}

/** WHERE, and how the paths into an item begin: the alias, and the names that it stands for. */
export interface Condition {
  readonly where: Expression | undefined
  readonly alias: string
  readonly base: readonly string[]
}

/** The slot of the whole item. */
export const ITEM = 0

/**
 * Compiles a query.
 * @throws Failure 400 for what the service refuses or the emulator does not support.
 */
export function compileQuery(query: Query, text: string): CompiledQuery {
  const context: Context = {
    text,
    scope: new Scope(),
    parameters: new Set(),
    slots: { count: ITEM + 1 },
    reads: { item: false },
    compileSubquery,
  }
  const { from, distinct, top, page, where, whereAt, orderBy } = query
  const body = compileBody(query, context, ITEM)
  if (top && page) throw queryFailure("'TOP' and 'OFFSET LIMIT' cannot be used in the same query.", query.at)
  if (body.group && orderBy.length > 0)
    throw queryFailure("'ORDER BY' is not supported in presence of 'GROUP BY' or an aggregate.", orderBy[0]?.at)
  const [first] = from
  const compileCount = (expression: Expression | undefined): Evaluate | undefined =>
    expression && compileExpression(expression, context)
  const isPlain = from.length <= 1 && !first?.each
  const terms = orderBy.map((item) => toTerm(item, first, context))
  return {
    ...body,
    distinct,
    orderBy: terms,
    readsItem: context.reads.item,
    limit: compileCount(top ?? page?.limit),
    offset: compileCount(page?.offset),
    isWhole: query.select.kind === 'all' && isPlain && findBase(first)?.length === 0,
    isPlain,
    isConstant: from.length === 0,
    parameters: context.parameters,
    continuationText: orderBy.length > 0 && whereAt ? text.slice(0, whereAt.start) + text.slice(whereAt.end) : text,
    condition: buildCondition(where, first),
  }
}

function compileBody(query: Query, context: Context, item: number | undefined): Body {
  const { select, from, where, groupBy } = query
  const bind = compileSources(from, context, item)
  const condition = where && compileExpression(where, context)
  const isGrouped = groupBy.length > 0 || listValues(select).some(hasAggregate)
  if (!isGrouped) return { bind, where: condition, group: undefined, result: compileSelection(query, context) }
  if (select.kind === 'all') throw unsupported("'SELECT *' of groups", select.at)
  const aggregates: CompiledAggregate[] = []
  const keys = groupBy.map((key) => compileExpression(key, context))
  const group = { keys: groupBy.map(formatIdentity), aggregates }
  const result = compileSelection(query, { ...context, group })
  return { bind, where: condition, group: { keys, aggregates }, result }
}

const listValues = (select: Selection): readonly Expression[] =>
  select.kind === 'all' ? [] : select.kind === 'value' ? [select.value] : select.items.map(({ value }) => value)

function compileSelection({ select, from }: Query, context: Context): Evaluate {
  if (select.kind === 'value') return compileExpression(select.value, context)
  if (select.kind === 'all') {
    const [first, ...joined] = from
    if (!first) throw queryFailure("Syntax error, 'SELECT *' is not valid if FROM clause is omitted.", select.at)
    if (joined.length > 0) throw queryFailure("'SELECT *' is only valid with a single input set.", select.at, 'SC2040')
    const slot = context.scope.resolve(findAlias(first), select.at)
    return ({ values }) => values[slot]
  }
  const names = inferNames(select.items)
  const fields = select.items.map(({ value, at }, index) => {
    const name = names[index] ?? ''
    if (names.indexOf(name) !== index)
      throw queryFailure(`The name '${name}' is given to more than one item of the select list.`, at)
    return { name, value: compileExpression(value, context) }
  })
  return compileObject(fields)
}

/** The names of the select list's values: the alias, the last name of a path, or else `$1`, `$2` and so on. */
export function inferNames(items: readonly SelectItem[]): readonly string[] {
  let unnamed = 0
  return items.map(({ value, alias }) => {
    const name = alias ?? inferName(value)
    if (name !== undefined) return name
    unnamed += 1
    return `$${unnamed}`
  })
}

function inferName(value: Expression): string | undefined {
  if (value.kind === 'name') return value.name
  const last = value.kind === 'path' ? value.steps.at(-1) : undefined
  return last?.kind === 'constant' && typeof last.value === 'string' ? last.value : undefined
}

/**
 * Compiles a query within another. It runs for each row of the outer query, sees its aliases, and has its own
 * slots.
 */
function compileSubquery(query: Query, outer: Context): (frame: Frame) => Iterable<unknown> {
  const { orderBy, page, top, distinct } = query
  const [ordered] = orderBy
  if (ordered) throw unsupported("'ORDER BY' in a subquery", ordered.at)
  if (page) throw unsupported("'OFFSET LIMIT' in a subquery", query.at)
  const context: Context = { ...outer, scope: new Scope(outer.scope), group: undefined }
  const body = compileBody(query, context, undefined)
  const limit = top && compileExpression(top, context)
  return function* (frame) {
    const most = limit ? readCount(limit(frame)) : Number.POSITIVE_INFINITY
    const seen = new Set<string>()
    let count = 0
    if (most === 0) return
    for (const value of evaluateRows(body, frame)) {
      if (distinct) {
        const key = formatCanonical(value)
        if (seen.has(key)) continue
        seen.add(key)
      }
      yield value
      count += 1
      if (count >= most) return
    }
  }
}

function* evaluateRows({ bind, where, group, result }: Body, frame: Frame): Generator<unknown> {
  const groups = group && new Groups(group)
  for (const _ of bind(frame)) {
    if (where && where(frame) !== true) continue
    if (groups) groups.add(frame)
    else {
      const value = result(frame)
      if (value !== undefined) yield value
    }
  }
  for (const { keys, aggregates } of groups?.all() ?? []) {
    const value = result({ ...frame, keys, aggregates })
    if (value !== undefined) yield value
  }
}

interface Group {
  /** Tells the group from the others. */
  readonly identity: string
  readonly keys: readonly unknown[]
  readonly aggregates: readonly unknown[]
}

/**
 * Groups rows by their GROUP BY values. Without GROUP BY there is one group of all rows, even if there are
 * none.
 */
export class Groups {
  readonly #grouping: Grouping
  readonly #groups = new Map<
    string,
    { keys: readonly unknown[]; aggregations: ReturnType<typeof createAggregation>[] }
  >()

  constructor(grouping: Grouping) {
    this.#grouping = grouping
    if (grouping.keys.length === 0) this.#start('', [])
  }

  add(frame: Frame): void {
    const keys = this.#grouping.keys.map((key) => key(frame))
    const identity = keys.map(formatCanonical).join()
    let group = this.#groups.get(identity)
    if (!group) {
      frame.work.keep(identity.length * 4 + 200)
      group = this.#start(identity, keys)
    }
    for (const [index, { operand }] of this.#grouping.aggregates.entries())
      group.aggregations[index]?.add(operand(frame))
  }

  all(): Group[] {
    return [...this.#groups].map(([identity, { keys, aggregations }]) => ({
      identity,
      keys,
      aggregates: aggregations.map((one) => one.result()),
    }))
  }

  #start(identity: string, keys: readonly unknown[]) {
    const group = { keys, aggregations: this.#grouping.aggregates.map(({ name }) => createAggregation(name)) }
    this.#groups.set(identity, group)
    return group
  }
}

/** @throws Failure 400 for a value that is not a number of items. */
export function readCount(value: unknown): number {
  if (!Number.isSafeInteger(value) || Number(value) < 0)
    throw queryFailure('TOP, OFFSET and LIMIT take whole numbers that are not negative.')
  return Number(value)
}

/** The path from an item to the first set of FROM, if that is one value per item. */
function findBase(source: Source | undefined): readonly string[] | undefined {
  if (!source || source.each || source.set.kind !== 'path') return undefined
  const { steps } = source.set
  return steps.every((step) => typeof step === 'string') ? steps : undefined
}

function buildCondition(where: Expression | undefined, first: Source | undefined): Condition | undefined {
  const base = findBase(first)
  return first && base && { where, alias: findAlias(first), base }
}

/** The names of a path that begins at the first set of FROM; undefined for any other expression. */
export function findPath(
  expression: Expression,
  { alias, base }: Pick<Condition, 'alias' | 'base'>,
): readonly string[] | undefined {
  if (expression.kind !== 'path' || expression.from.kind !== 'name' || expression.from.name !== alias) return undefined
  const names = expression.steps.map((step) => (step.kind === 'constant' ? step.value : undefined))
  return names.every((name) => typeof name === 'string') ? [...base, ...names] : undefined
}

function toTerm({ value, descending, at }: OrderItem, first: Source | undefined, context: Context): Term {
  compileExpression(value, context)
  const base = findBase(first)
  const path = first && base && findPath(value, { alias: findAlias(first), base })
  if (!path)
    throw queryFailure(
      'Unsupported ORDER BY clause. ORDER BY item expression could not be mapped to a document path.',
      at,
    )
  return { path, descending }
}
