import { isDeepStrictEqual } from 'node:util'
import { badRequest } from './failure.ts'
import type { Json } from './items.ts'
import type { Comparison, Expression } from './query-parser.ts'

export type Parameters = ReadonlyMap<string, unknown>

/**
 * The value of an expression for an item. Undefined is a value of its own: it is no constant's equal, and no item is selected by it.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/equality-comparison-operators
 */
export function evaluate(expression: Expression, item: Json, parameters: Parameters): unknown {
  const value = (inner: Expression): unknown => evaluate(inner, item, parameters)
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'parameter':
      if (!parameters.has(expression.name)) throw badRequest(`the query has no parameter ${expression.name}`)
      return parameters.get(expression.name)
    case 'path':
      return expression.names.reduce<unknown>((current, name) => {
        if (typeof current !== 'object' || current === null) return undefined
        return Object.hasOwn(current, name) ? (current as Json)[name] : undefined
      }, item)
    case 'compare':
      return compare(expression.operator, value(expression.left), value(expression.right))
    case 'and': {
      const [left, right] = [value(expression.left), value(expression.right)]
      if (left === false || right === false) return false
      return left === true && right === true ? true : undefined
    }
    case 'or': {
      const [left, right] = [value(expression.left), value(expression.right)]
      if (left === true || right === true) return true
      return left === false && right === false ? false : undefined
    }
    case 'not': {
      const operand = value(expression.operand)
      return typeof operand === 'boolean' ? !operand : undefined
    }
    case 'in': {
      const operand = value(expression.operand)
      if (operand === undefined) return undefined
      return expression.list.some((candidate) => compare('=', operand, value(candidate)) === true)
    }
    case 'call':
      return call(expression.name, expression.operands.map(value))
  }
}

function compare(operator: Comparison, left: unknown, right: unknown): boolean | undefined {
  if (left === undefined || right === undefined) return undefined
  if (operator === '=' || operator === '!=') return isDeepStrictEqual(left, right) === (operator === '=')
  const comparable = typeOf(left) === typeOf(right) && !['object', 'array'].includes(typeOf(left))
  if (!comparable) return undefined
  const order = compareValues(left, right)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  if (operator === '>') return order > 0
  return order >= 0
}

function call(name: string, [first, second, third]: readonly unknown[]): unknown {
  switch (name) {
    case 'IS_DEFINED':
      return first !== undefined
    case 'IS_NULL':
      return first === null
    case 'STARTSWITH':
      if (typeof first !== 'string' || typeof second !== 'string') return undefined
      return third === true ? first.toLowerCase().startsWith(second.toLowerCase()) : first.startsWith(second)
    case 'ARRAY_CONTAINS':
      if (!Array.isArray(first) || second === undefined) return undefined
      return first.some((element) => isDeepStrictEqual(element, second))
    default:
      throw badRequest(`the function ${name} is not supported by this endpoint`)
  }
}

const typeOrder = ['undefined', 'null', 'boolean', 'number', 'string', 'array', 'object']

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** The order of ORDER BY: by type first. */
export function compareValues(left: unknown, right: unknown): number {
  const [a, b] = [typeOf(left), typeOf(right)]
  if (a !== b) return typeOrder.indexOf(a) - typeOrder.indexOf(b)
  const [x, y] = [left, right] as [number, number]
  return x < y ? -1 : x > y ? 1 : 0
}
