import type { Container } from '../resources/catalog.ts'
import type { EpkRange } from '../resources/ranges.ts'
import { policyOf } from './access/indexing-policy.ts'
import { compileCached } from './compiled.ts'

/**
 * What a client must do itself to answer a query over all of a container's partitions: nothing, as the query is evaluated here whole.
 * @param ranges of the container's physical partitions that the query is about.
 * @throws Failure 400 for a query that could not be run.
 */
export function queryPlan(container: Container, text: string, ranges: readonly EpkRange[]): object {
  policyOf(container).checkOrder(compileCached(text).orderBy)
  return {
    partitionedQueryExecutionInfoVersion: 2,
    queryInfo: {
      distinctType: 'None',
      top: null,
      offset: null,
      limit: null,
      orderBy: [],
      orderByExpressions: [],
      groupByExpressions: [],
      groupByAliases: [],
      aggregates: [],
      groupByAliasToAggregateType: {},
      rewrittenQuery: '',
      hasSelectValue: false,
      hasNonStreamingOrderBy: false,
    },
    queryRanges: ranges.map(({ min, max }) => ({ min, max, isMinInclusive: true, isMaxInclusive: false })),
  }
}
