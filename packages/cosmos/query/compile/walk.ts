import { isAggregate } from '../evaluation/aggregates.ts'
import type { Expression } from '../syntax/syntax.ts'

/** The operands of an expression, without those within a subquery. */
function listOperands(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'path':
      return [expression.from, ...expression.steps]
    case 'array':
      return expression.elements
    case 'object':
      return expression.fields.map(({ value }) => value)
    case 'unary':
      return [expression.operand]
    case 'binary':
      return [expression.first, ...expression.rest.map(({ operand }) => operand)]
    case 'and':
    case 'or':
    case 'coalesce':
    case 'call':
      return expression.operands
    case 'conditional':
      return [...expression.cases.flatMap(({ when, value }) => [when, value]), expression.otherwise]
    case 'in':
      return [expression.operand, ...expression.list]
    case 'between':
      return [expression.operand, expression.low, expression.high]
    case 'like':
      return [expression.operand, expression.pattern]
    default:
      return []
  }
}

export function hasAggregate(expression: Expression): boolean {
  if (expression.kind === 'call' && isAggregate(expression.name.toUpperCase())) return true
  return listOperands(expression).some(hasAggregate)
}
