import { classifyValue, compareValues } from '../../values/values.ts'

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/aggregate-functions */
export const AGGREGATES = ['AVG', 'COUNT', 'MAX', 'MIN', 'SUM'] as const
export type AggregateName = (typeof AGGREGATES)[number]

export const isAggregate = (name: string): name is AggregateName => (AGGREGATES as readonly string[]).includes(name)

/** Takes one value after the other; undefined ones count for nothing. */
export interface Aggregation {
  add(value: unknown): void
  /** Undefined where there is no answer, as of texts there is no sum. */
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
 * One value that is no number makes the whole undefined.
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
 * By type first; an array or an object makes the whole undefined.
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
