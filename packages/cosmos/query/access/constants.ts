import type { Parameters, Work } from '../evaluation/frame.ts'
import { STATIC } from '../functions/dates.ts'
import type { Expression } from '../syntax/syntax.ts'

/** What is known of a query before any item is read: its parameters, and the time at which it was bound. */
export interface QueryInputs {
  readonly parameters: Parameters
  readonly work: Work
}

/** The value of an expression for every item; undefined if it depends on the item. */
export function findConstant(expression: Expression, known: QueryInputs): { readonly value: unknown } | undefined {
  switch (expression.kind) {
    case 'constant':
      return { value: expression.value }
    case 'parameter':
      return { value: known.parameters.get(expression.name) }
    case 'call': {
      const bound = expression.operands.length === 0 ? STATIC.get(expression.name.toUpperCase()) : undefined
      return bound && { value: bound.call([], known.work) }
    }
    case 'array': {
      const elements = expression.elements.map((element) => findConstant(element, known))
      return elements.every((element) => element !== undefined)
        ? { value: elements.map(({ value }) => value).filter((value) => value !== undefined) }
        : undefined
    }
    default:
      return undefined
  }
}
