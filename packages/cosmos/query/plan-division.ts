import { inferNames } from './compile/queries.ts'
import { findAlias } from './compile/sources.ts'
import { hasAggregate } from './compile/walk.ts'
import { isAggregate } from './evaluation/aggregates.ts'
import { queryFailure } from './syntax/query-failure.ts'
import type { Expression, Query, Span } from './syntax/syntax.ts'

/** How a query is divided among partitions: what each is asked, and how a client combines the answers. */
export interface Division {
  readonly rewrittenQuery: string
  /** The one aggregate of SELECT VALUE. */
  readonly aggregates: readonly string[]
  readonly groupByAliases: readonly string[]
  /** Null for a value that the items of a group share. */
  readonly groupByAliasToAggregateType: Readonly<Record<string, string | null>>
}

const NAMES: Readonly<Record<string, string>> = { AVG: 'Average', COUNT: 'Count', MAX: 'Max', MIN: 'Min', SUM: 'Sum' }

/** The client replaces this with the condition to resume a partition. */
const FILTER = '({documentdb-formattableorderbyquery-filter})'

/** A value of the select list: its name, and its text. */
interface Selected {
  readonly name: string
  readonly value: Expression
  readonly text: string
}

/**
 * The forms are those of the service's plans: https://github.com/Azure/azure-cosmos-dotnet-v3,
 * QueryPlanBaselineTests.
 * @throws Failure 400 for an aggregate within another expression, whose parts cannot be combined.
 */
export function divide(query: Query, text: string, offset: number | null, limit: number | null): Division {
  const { select, groupBy, groupByAt } = query
  const quote = ({ start, end }: Span): string => text.slice(start, end)
  const selected = listSelected(query, quote)
  const none = { aggregates: [], groupByAliases: [], groupByAliasToAggregateType: {} }
  if (groupBy.length === 0 && !selected.some(({ value }) => hasAggregate(value)))
    return { ...none, rewrittenQuery: rewriteRows(query, quote, selected, offset, limit) }
  const parts = selected.map((one) => ({ ...one, aggregate: parseAggregate(one) }))
  const items = groupByAt.map((at) => `{"item": ${quote(at)}}`)
  const grouped = items.length > 0 ? `[${items.join(', ')}] AS groupByItems, ` : ''
  const tail =
    formatClauses(query, quote, []) + (items.length > 0 ? ` GROUP BY ${groupByAt.map(quote).join(', ')}` : '')
  const [only] = parts
  if (select.kind === 'value' && only) {
    const { aggregate } = only
    const value = aggregate ? `[${formatPartial(aggregate)}]` : only.text
    const head = grouped === '' ? `VALUE ${value}` : `${grouped}${value} AS payload`
    return {
      ...none,
      aggregates: aggregate ? [formatAggregateType(aggregate)] : [],
      rewrittenQuery: `SELECT ${head}${tail}`,
    }
  }
  const fields = parts.map(
    ({ name, text: value, aggregate }) => `${JSON.stringify(name)}: ${aggregate ? formatPartial(aggregate) : value}`,
  )
  return {
    aggregates: [],
    groupByAliases: parts.map(({ name }) => name),
    groupByAliasToAggregateType: Object.fromEntries(
      parts.map(({ name, aggregate }) => [name, aggregate ? formatAggregateType(aggregate) : null]),
    ),
    rewrittenQuery: `SELECT ${grouped}{${fields.join(', ')}} AS payload${tail}`,
  }
}

function listSelected({ select }: Query, quote: (at: Span) => string): Selected[] {
  if (select.kind === 'all') return []
  if (select.kind === 'value') return [{ name: '', value: select.value, text: quote(select.valueAt) }]
  const names = inferNames(select.items)
  return select.items.map(({ value, valueAt }, index) => ({ name: names[index] ?? '', value, text: quote(valueAt) }))
}

/**
 * With ORDER BY, rows come in order, with the values that they are ordered by. Without it, they come
 * unchanged, and no more than the whole query needs.
 */
function rewriteRows(
  query: Query,
  quote: (at: Span) => string,
  selected: readonly Selected[],
  offset: number | null,
  limit: number | null,
): string {
  const { select, from, orderBy, distinct } = query
  const [first] = from
  // The client removes duplicates, so it is unknown how many results it needs.
  const most = limit === null || distinct ? '' : ` OFFSET 0 LIMIT ${limit + (offset ?? 0)}`
  if (!first || orderBy.length === 0) {
    if (most === '' || !first) return ''
    const list =
      select.kind === 'all' ? '*' : select.kind === 'value' ? `VALUE ${selected[0]?.text}` : formatFields(selected)
    return `SELECT ${select.kind === 'list' ? `VALUE ${list}` : list}${formatClauses(query, quote, [])}${most}`
  }
  const alias = findAlias(first)
  const [value] = selected
  const payload = select.kind === 'all' ? alias : select.kind === 'value' ? (value?.text ?? '') : formatFields(selected)
  const items = orderBy.map(({ valueAt }) => `{"item": ${quote(valueAt)}}`)
  const more = select.kind === 'value' ? [FILTER, `IS_DEFINED(${payload})`] : [FILTER]
  const order = orderBy.map(({ at }) => quote(at)).join(', ')
  return (
    `SELECT ${alias}._rid, [${items.join(', ')}] AS orderByItems, ${payload} AS payload` +
    `${formatClauses(query, quote, more)} ORDER BY ${order}${most}`
  )
}

const formatFields = (selected: readonly Selected[]): string =>
  `{${selected.map(({ name, text }) => `${JSON.stringify(name)}: ${text}`).join(', ')}}`

function formatClauses({ fromAt, whereAt }: Query, quote: (at: Span) => string, more: readonly string[]): string {
  const conditions = [...(whereAt ? [`(${quote(whereAt)})`] : []), ...more]
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : ''
  return `${fromAt ? ` FROM ${quote(fromAt)}` : ''}${where}`
}

interface Aggregate {
  readonly name: string
  /** With the parentheses. */
  readonly operand: string
}

const formatAggregateType = ({ name }: Aggregate): string => NAMES[name] ?? name

function parseAggregate({ value, text }: Selected): Aggregate | undefined {
  if (!hasAggregate(value)) return undefined
  const name = value.kind === 'call' ? value.name.toUpperCase() : ''
  const at = text.search(/\(/)
  if (!isAggregate(name) || !/^\w+\s*\(/.test(text))
    throw queryFailure('Compositions of aggregates and other expressions are unsupported.')
  return { name, operand: text.slice(at) }
}

/**
 * A partition's part of an aggregate: of an average the sum and the count, of MIN and MAX also whether there
 * is one.
 */
function formatPartial({ name, operand }: Aggregate): string {
  if (name === 'AVG') return `{"item": {"sum": SUM${operand}, "count": COUNT${operand}}}`
  if (name !== 'MIN' && name !== 'MAX') return `{"item": ${name}${operand}}`
  return `{"item": ${name}${operand}, "item2": {"${name.toLowerCase()}": ${name}${operand}, "count": COUNT${operand}}}`
}
