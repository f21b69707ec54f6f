import { badRequest } from '../api/failure.ts'
import type { Container } from '../resources/catalog.ts'
import { parseDocumentNumber } from '../resources/rid.ts'
import { isObject } from '../values/json.ts'
import { type Position, tiesDescend } from './access/position.ts'
import type { CompiledQuery } from './compile/queries.ts'

/**
 * Where a query with ORDER BY over several ranges resumes in one of them. The .NET SDK sends it beside the
 * query.
 * https://github.com/Azure/azure-cosmos-dotnet-v3, SqlQueryResumeFilter
 */
export interface ResumeFilter {
  /** One for each term of ORDER BY. */
  readonly values: readonly unknown[]
  /** The item with these values to resume at. The client has those before it. */
  readonly rid: string | undefined
  /** Whether the client has all items with these values, or the named one. */
  readonly exclude: boolean
}

/** @throws Failure 400 */
export function readResumeFilter(filter: unknown): ResumeFilter {
  const { value: values, rid, exclude, ...others } = isObject(filter) ? filter : {}
  const isRid = rid === undefined || rid === null || typeof rid === 'string'
  if (!Array.isArray(values) || !isRid || typeof exclude !== 'boolean' || Object.keys(others).length > 0)
    throw badRequest('a resumeFilter must be {value, rid, exclude}')
  return { values: values.map(readOrderValue), rid: rid ?? undefined, exclude }
}

/**
 * An empty array stands for undefined. Arrays and objects come as hashes, and the emulator has no order of
 * hashes.
 */
function readOrderValue(value: unknown): unknown {
  if (Array.isArray(value) && value.length === 0) return undefined
  if (typeof value === 'object' && value !== null)
    throw badRequest('resuming an order by arrays or objects over several ranges is not supported by the emulator')
  return value
}

/**
 * The position that the next rows come after.
 * @throws Failure 400 for a filter of another query or container.
 */
export function toStartPosition(
  { values, rid, exclude }: ResumeFilter,
  query: CompiledQuery,
  container: Container,
): Position {
  if (query.group || query.distinct) throw badRequest('a query with groups or DISTINCT cannot have a resumeFilter')
  const terms = query.orderBy
  if (terms.length === 0 || values.length !== terms.length)
    throw badRequest('a resumeFilter needs one value for each expression of ORDER BY')
  const beyondAll = exclude !== tiesDescend(terms) ? Number.MAX_SAFE_INTEGER : 0
  const number = rid === undefined ? beyondAll : parseDocumentNumber(container.rid, rid)
  if (number === undefined) throw badRequest('the rid of a resumeFilter must be that of an item of this container')
  // The client skips the rows of the item that it has.
  return { order: values, number, pk: '', id: '', place: exclude ? undefined : -1 }
}
