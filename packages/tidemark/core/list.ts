import { TidemarkError } from './errors.ts'

/**
 * The type of a document's field that lists can be filtered by.
 * @example
 * ```ts
 * import type { FieldType } from 'tidemark'
 *
 * export const author: FieldType = 'string'
 * ```
 */
export type FieldType = 'string' | 'number' | 'boolean'

/**
 * What a list can be filtered by: one of these texts, or any value of a type.
 * @example
 * ```ts
 * import type { FieldValues } from 'tidemark'
 *
 * // GET entries?size=small&author.name=Ada
 * export const filters: Readonly<Record<string, FieldValues>> = { size: ['small', 'large'], 'author.name': 'string' }
 * ```
 */
export type FieldValues = readonly string[] | FieldType

/** A value of a field. */
export type FieldValue = string | number | boolean

/** The declared lists of a view. */
export interface DeclaredLists {
  readonly name: string
  readonly filters: Readonly<Record<string, FieldValues>>
  readonly orders?: Readonly<Record<string, 'string' | 'number'>>
}

/** Parameters of a list that no field can have as its name. */
const RESERVED: ReadonlySet<string> = new Set([
  ...['order', 'direction', 'from', 'to', 'limit', 'continuation', 'position'],
  ...['search', 'key', 'generation', 'code', 'clientId'],
])

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits
const MAX_INDEX_PATHS = 8

/** The path of a field in a stored document: `total.amount` is the field `amount` within `total`. */
export function splitField(field: string): readonly string[] {
  return field.split('.')
}

/** The value of a field; undefined if the document does not have it. */
export function readField(document: unknown, field: string): unknown {
  return splitField(field).reduce<unknown>(
    (value, name) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Readonly<Record<string, unknown>>)[name]
        : undefined,
    document,
  )
}

/**
 * The paths of the composite index that each list of a view needs: every combination of its filters, in each
 * of its orders. The filters come first, so that a list costs by the documents it returns.
 * https://learn.microsoft.com/azure/cosmos-db/index-policy#queries-with-a-filter-and-order-by
 */
export function listIndexes({ filters, orders = {} }: DeclaredLists): readonly (readonly string[])[] {
  const toPath = (field: string): string => `/document/${splitField(field).join('/')}`
  const indexes = listSubsets(Object.keys(filters)).flatMap((fields) =>
    [undefined, ...Object.keys(orders)]
      // A field that has one value orders nothing.
      .filter((order) => order === undefined || !fields.includes(order))
      .map((order) => [
        ...['/kind', '/generation', ...fields.map(toPath)],
        ...(order === undefined ? [] : [toPath(order)]),
        '/sort',
      ]),
  )
  // One index serves a field as the only filter and as the order.
  return [...new Map(indexes.map((index) => [index.join(), index])).values()]
}

function listSubsets([field, ...others]: readonly string[]): readonly (readonly string[])[] {
  if (field === undefined) return [[]]
  const without = listSubsets(others)
  return [...without, ...without.map((choice) => [field, ...choice])]
}

/** The faults of a view's declared lists, one line each; empty if there are none. */
export function listFaults(view: DeclaredLists): readonly string[] {
  const { name, filters, orders = {} } = view
  const fields = [...new Set([...Object.keys(filters), ...Object.keys(orders)])]
  // Each of them is a path of an index. With eight, there are at most 80 combinations: Cosmos DB allows 100 indexes.
  if (fields.length > MAX_INDEX_PATHS) return [`the view ${name} has lists by ${fields.length} fields, more than 8`]
  const widest = Math.max(...listIndexes(view).map(({ length }) => length))
  return [
    ...fields
      .filter((field) => RESERVED.has(field) || !/^[A-Za-z]\w*(\.[A-Za-z]\w*)*$/.test(field))
      .map((field) => `the view ${name} has lists by ${field}: a parameter of a list cannot have this name`),
    ...fields
      .filter((field) => field in orders && field in filters && filters[field] !== orders[field])
      .filter((field) => !(Array.isArray(filters[field]) && orders[field] === 'string'))
      .map((field) => `the view ${name} gives ${field} two types, one as a filter and one as an order`),
    ...(widest > MAX_INDEX_PATHS
      ? [`a list of the view ${name} needs an index of ${widest} paths, more than ${MAX_INDEX_PATHS}: remove a filter`]
      : []),
  ]
}

/**
 * Reads a value of a field from text.
 * @throws TidemarkError `invalid-query`
 */
export function parseFieldValue(name: string, values: FieldValues, text: string): FieldValue {
  if (values === 'string') return text
  if (values === 'number') {
    const number = Number(text)
    if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) && Number.isFinite(number)) return number
    throw new TidemarkError('invalid-query', `${name} must be a number`)
  }
  const allowed = values === 'boolean' ? ['true', 'false'] : values
  if (!allowed.includes(text)) throw new TidemarkError('invalid-query', `${name} must be one of ${allowed.join(', ')}`)
  return values === 'boolean' ? text === 'true' : text
}
