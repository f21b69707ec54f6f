import { stepInto } from '../../values/json.ts'
import type { Frame } from '../evaluation/frame.ts'
import { queryFailure, unsupported } from '../syntax/query-failure.ts'
import type { Source } from '../syntax/syntax.ts'
import type { Context } from './context.ts'

/** https://learn.microsoft.com/azure/cosmos-db/concepts-limits#sql-query-limits */
const MAX_JOINS = 10

/** Runs once for each row that FROM and JOIN make of an item. The row's values are then in their slots. */
export type Bind = (frame: Frame) => Iterable<undefined>

interface CompiledSource {
  readonly slot: number
  readonly values: (frame: Frame) => Iterable<unknown>
}

/**
 * @param item the slot of the whole item; undefined in a subquery, whose sets all come from outer aliases.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/join
 */
export function compileSources(sources: readonly Source[], context: Context, item: number | undefined): Bind {
  if (sources.length > MAX_JOINS + 1)
    throw queryFailure(
      `The SQL query exceeded the maximum number of joins. The allowed limit is ${MAX_JOINS}.`,
      sources[MAX_JOINS + 1]?.at,
    )
  const compiled = sources.map((source, index) => {
    const values = compileValues(source, context, index === 0 ? item : undefined)
    const slot = context.slots.count++
    context.scope.add(findAlias(source), slot, source.at)
    return { slot, values }
  })
  return compiled.reduceRight<Bind>(nestSource, function* once() {
    yield undefined
  })
}

function nestSource(next: Bind, { slot, values }: CompiledSource): Bind {
  return function* (frame) {
    for (const value of values(frame)) {
      frame.work.countRow()
      frame.values[slot] = value
      yield* next(frame)
    }
  }
}

export function findAlias({ alias, set, at }: Source): string {
  if (alias !== undefined) return alias
  if (set.kind === 'query') throw queryFailure('A subquery in the FROM clause needs an alias.', at)
  const last = set.steps.at(-1) ?? set.root
  if (typeof last !== 'string') throw queryFailure('An element of an array in the FROM clause needs an alias.', at)
  return last
}

function compileValues(
  { each, set, at }: Source,
  context: Context,
  item: number | undefined,
): CompiledSource['values'] {
  if (set.kind === 'query') {
    if (item !== undefined) throw unsupported('A subquery as the first set of the FROM clause', at)
    const results = context.compileSubquery(set.query, context)
    return each ? flattenArrays(results) : results
  }
  const { root, steps } = set
  const slot = item ?? context.scope.resolve(root, { start: at.start, end: at.end })
  if (item === undefined || each || steps.length > 0) context.reads.item = true
  const value = ({ values }: Frame): unknown => steps.reduce(stepInto, values[slot])
  return each ? listElements(value) : listValue(value)
}

function listValue(value: (frame: Frame) => unknown): CompiledSource['values'] {
  return (frame) => {
    const one = value(frame)
    return one === undefined ? [] : [one]
  }
}

function flattenArrays(results: CompiledSource['values']): CompiledSource['values'] {
  return function* (frame) {
    for (const result of results(frame)) if (Array.isArray(result)) yield* result
  }
}

/** Only an array has elements. */
function listElements(value: (frame: Frame) => unknown): CompiledSource['values'] {
  return (frame) => {
    const array = value(frame)
    return Array.isArray(array) ? array : []
  }
}
