import type { Container } from '../resources/catalog.ts'
import type { EpkRange } from '../resources/ranges.ts'
import { checkOrder } from './access/index-rules.ts'
import { compileQuery, readCount } from './compile/queries.ts'
import { type Frame, type Parameters, Work } from './evaluation/frame.ts'
import { type Division, divide } from './plan-division.ts'
import { parseQuery } from './syntax/parser.ts'

const UNDIVIDED: Division = { rewrittenQuery: '', aggregates: [], groupByAliases: [], groupByAliasToAggregateType: {} }

/**
 * The plan for a query over several physical partitions. The client asks each with the rewritten query, and
 * combines the answers. A query over one partition is answered here as a whole, and the plan leaves nothing
 * to the client.
 * @param ranges the effective partition keys of the partitions that the query covers.
 * @throws Failure 400 for a query that cannot be run, or cannot be divided.
 */
export function buildQueryPlan(
  container: Container,
  text: string,
  ranges: readonly EpkRange[],
  parameters: Parameters = new Map(),
): object {
  const query = parseQuery(text)
  const compiled = compileQuery(query, text)
  checkOrder(container, compiled.orderBy)
  const isDivided = ranges.length > 1
  const frame: Frame = { values: [], parameters, keys: [], aggregates: [], work: new Work(0) }
  const count = (value: typeof compiled.limit): number | null => (isDivided && value ? readCount(value(frame)) : null)
  const [offset, limit] = [count(compiled.offset), count(compiled.limit)]
  const division = isDivided ? divide(query, text, offset, limit) : UNDIVIDED
  const orderBy = isDivided ? query.orderBy : []
  return {
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: isDivided && query.distinct ? 'Unordered' : 'None',
      top: query.top ? limit : null,
      offset,
      limit: query.top ? null : limit,
      orderBy: orderBy.map(({ descending }) => (descending ? 'Descending' : 'Ascending')),
      orderByExpressions: orderBy.map(({ valueAt }) => text.slice(valueAt.start, valueAt.end)),
      groupByExpressions: isDivided ? query.groupByAt.map(({ start, end }) => text.slice(start, end)) : [],
      hasSelectValue: isDivided && query.select.kind === 'value',
      hasNonStreamingOrderBy: false,
      ...division,
    },
    queryRanges: ranges.map(({ min, max }) => ({ min, max, isMinInclusive: true, isMaxInclusive: false })),
  }
}
