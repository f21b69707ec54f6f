import { badRequest } from '../api/failure.ts'
import type { Container } from '../resources/catalog.ts'
import { parseDocumentNumber } from '../resources/rid.ts'
import { isObject } from '../values/json.ts'
import { type Position, tiesDescend } from './access/position.ts'
import type { CompiledQuery } from './compile/queries.ts'

/**
 * Where a query with ORDER BY over several ranges goes on in one of them: what the SDK for .NET puts beside the query.
 * https://github.com/Azure/azure-cosmos-dotnet-v3, SqlQueryResumeFilter
 */
export interface ResumeFilter {
  /** One for each term of ORDER BY. */
  readonly values: readonly unknown[]
  /** Of the item of these values that it begins with; those before it are behind. */
  readonly rid: string | undefined
  /** Whether all of these values are behind, or the item where one is named. */
  readonly exclude: boolean
}

/** @throws Failure 400 */
export function readResumeFilter(filter: unknown): ResumeFilter {
  const { value: values, rid, exclude, ...others } = isObject(filter) ? filter : {}
  const isRid = rid === undefined || rid === null || typeof rid === 'string'
  if (!Array.isArray(values) || !isRid || typeof exclude !== 'boolean' || Object.keys(others).length > 0)
    throw badRequest('a resumeFilter is {value, rid, exclude}')
  return { values: values.map(readOrderValue), rid: rid ?? undefined, exclude }
}

/** An empty array stands for undefined; of arrays and objects there are hashes, in whose order they are not here. */
function readOrderValue(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 0) return undefined
  if (typeof value === 'object' && value !== null)
    throw badRequest('an order by arrays or objects over several ranges is not resumed by this endpoint')
  return value
}

/**
 * The position that rows come after.
 * @throws Failure 400 for one that is not of this query, or this container.
 */
export function toStartPosition(
  { values, rid, exclude }: ResumeFilter,
  query: CompiledQuery,
  container: Container,
): Position {
  if (query.group || query.distinct) throw badRequest('a resumeFilter is not of a query with groups or DISTINCT')
  const terms = query.orderBy
  if (terms.length === 0 || values.length !== terms.length)
    throw badRequest('a resumeFilter has one value for each expression of ORDER BY')
  const beyondAll = exclude !== tiesDescend(terms) ? Number.MAX_SAFE_INTEGER : 0
  const number = rid === undefined ? beyondAll : parseDocumentNumber(container.rid, rid)
  if (number === undefined) throw badRequest('the rid of a resumeFilter is none of an item of this container')
  // The client skips those of the item's rows that it has.
  return { order: values, number, pk: '', id: '', place: exclude ? undefined : -1 }
}
