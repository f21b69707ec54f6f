import type { AggregateName } from '../evaluation/aggregates.ts'
import type { Evaluate, Frame } from '../evaluation/frame.ts'
import { queryFailure } from '../syntax/query-failure.ts'
import type { Expression, Query, Span } from '../syntax/syntax.ts'

/** What the compiler knows where an expression stands. */
export interface Context {
  /** The whole query, which errors quote. */
  readonly text: string
  readonly scope: Scope
  /** Collects the names of the query's parameters. */
  readonly parameters: Set<string>
  /** How many slots the aliases of the whole query take. */
  readonly slots: { count: number }
  /** Whether the query reads inside items. */
  readonly reads: { item: boolean }
  /** Set in the SELECT of a query with groups: what it may read of a group. */
  readonly group?: GroupContext | undefined
  /** True within the operand of an aggregate. */
  readonly inAggregate?: boolean
  /** Passed in by the module for queries, which imports the one for expressions. */
  readonly compileSubquery: (query: Query, context: Context) => (frame: Frame) => Iterable<unknown>
}

interface GroupContext {
  /** The GROUP BY expressions in the form of `formatIdentity`. */
  readonly keys: readonly string[]
  readonly aggregates: CompiledAggregate[]
}

export interface CompiledAggregate {
  readonly name: AggregateName
  readonly operand: Evaluate
}

/** The visible aliases by slot, with those of the outer queries. */
export class Scope {
  readonly #outer: Scope | undefined
  readonly #slots = new Map<string, number>()

  constructor(outer?: Scope) {
    this.#outer = outer
  }

  /** @throws Failure 400 for an alias that exists already. */
  add(name: string, slot: number, at: Span): void {
    if (this.#slots.has(name))
      throw queryFailure(`The input alias '${name}' is specified more than once in the FROM clause.`, at)
    this.#slots.set(name, slot)
  }

  /** @throws Failure 400 for an unknown name. */
  resolve(name: string, at: Span): number {
    const slot = this.find(name)
    if (slot === undefined) throw queryFailure(`Identifier '${name}' could not be resolved.`, at, 'SC2001')
    return slot
  }

  find(name: string): number | undefined {
    return this.#slots.get(name) ?? this.#outer?.find(name)
  }
}

/** The same text for the same expression, however it is written: `c.a` and `c["a"]` are one. */
export function formatIdentity(expression: Expression): string {
  return JSON.stringify(expression, (name, value: unknown) => {
    if (name === 'at') return undefined
    // JSON has no undefined, but a constant may be undefined.
    return value === undefined && name === 'value' ? { undefined: true } : value
  })
}
