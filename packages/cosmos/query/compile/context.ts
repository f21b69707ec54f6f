import type { AggregateName } from '../evaluation/aggregates.ts'
import type { Evaluate, Frame } from '../evaluation/frame.ts'
import { queryFailure } from '../syntax/query-failure.ts'
import type { Expression, Query, Span } from '../syntax/syntax.ts'

/** What is known where an expression stands, while it is compiled. */
export interface Context {
  /** The whole query: errors quote it. */
  readonly text: string
  readonly scope: Scope
  /** The names of all parameters of the query, collected. */
  readonly parameters: Set<string>
  /** How many slots are taken, of all the query's aliases. */
  readonly slots: { count: number }
  /** Whether anything asks for what is in an item. */
  readonly reads: { item: boolean }
  /** In the SELECT of a query with groups: what may be asked of a group. */
  readonly group?: GroupContext | undefined
  /** Within the operand of an aggregate. */
  readonly inAggregate?: boolean
  /** Of the module that compiles queries, which are made of expressions. */
  readonly compileSubquery: (query: Query, context: Context) => (frame: Frame) => Iterable<unknown>
}

export interface GroupContext {
  /** The GROUP BY expressions, as `formatIdentity` tells them. */
  readonly keys: readonly string[]
  readonly aggregates: CompiledAggregate[]
}

export interface CompiledAggregate {
  readonly name: AggregateName
  readonly operand: Evaluate
}

/** The aliases in reach, by slot: those of the outer queries too. */
export class Scope {
  readonly #outer: Scope | undefined
  readonly #slots = new Map<string, number>()

  constructor(outer?: Scope) {
    this.#outer = outer
  }

  /** @throws Failure 400 for an alias that is there already. */
  add(name: string, slot: number, at: Span): void {
    if (this.#slots.has(name))
      throw queryFailure(`The input alias '${name}' is specified more than once in the FROM clause.`, at)
    this.#slots.set(name, slot)
  }

  /** @throws Failure 400 for a name that nothing has. */
  resolve(name: string, at: Span): number {
    const slot = this.find(name)
    if (slot === undefined) throw queryFailure(`Identifier '${name}' could not be resolved.`, at, 'SC2001')
    return slot
  }

  find(name: string): number | undefined {
    return this.#slots.get(name) ?? this.#outer?.find(name)
  }
}

/** A text that the same expressions share, wherever they stand: `c.a` and `c["a"]` are one. */
export function formatIdentity(expression: Expression): string {
  return JSON.stringify(expression, (name, value: unknown) => {
    if (name === 'at') return undefined
    // JSON knows no undefined, and a constant may be it.
    return value === undefined && name === 'value' ? { undefined: true } : value
  })
}
