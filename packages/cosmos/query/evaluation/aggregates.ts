import { classifyValue, compareValues } from '../../values/values.ts'

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/aggregate-functions */
const AGGREGATES = ['AVG', 'COUNT', 'MAX', 'MIN', 'SUM'] as const
export type AggregateName = (typeof AGGREGATES)[number]

export const isAggregate = (name: string): name is AggregateName => (AGGREGATES as readonly string[]).includes(name)

/** Adds one value after the other. Ignores undefined ones. */
interface Aggregation {
  add(value: unknown): void
  /** Undefined when there is no result, such as a sum of texts. */
  result(): unknown
}

export function createAggregation(name: AggregateName): Aggregation {
  if (name === 'COUNT') return counting()
  if (name === 'MIN' || name === 'MAX') return extreme(name === 'MIN' ? -1 : 1)
  return summing(name === 'AVG')
}

function counting(): Aggregation {
  let count = 0
  return {
    add(value) {
      if (value !== undefined) count += 1
    },
    result: () => count,
  }
}

/**
 * A value that is not a number makes the result undefined.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/sum
 */
function summing(average: boolean): Aggregation {
  let [sum, count]: [number | undefined, number] = [0, 0]
  return {
    add(value) {
      if (value === undefined) return
      sum = typeof value === 'number' && sum !== undefined ? sum + value : undefined
      count += 1
    },
    result() {
      const result = sum !== undefined && average ? sum / count : sum
      return Number.isFinite(result) ? result : undefined
    },
  }
}

/**
 * By type first. An array or an object makes the result undefined.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/min
 */
function extreme(direction: 1 | -1): Aggregation {
  let [best, comparable]: [unknown, boolean] = [undefined, true]
  return {
    add(value) {
      if (value === undefined) return
      const type = classifyValue(value)
      if (type === 'array' || type === 'object') comparable = false
      else if (best === undefined || compareValues(value, best) * direction > 0) best = value
    },
    result: () => (comparable ? best : undefined),
  }
}
