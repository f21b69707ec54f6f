import { sameJson, stepInto } from '../json.ts'
import type { Comparison, Expression, FunctionName } from './syntax.ts'

export type Parameters = ReadonlyMap<string, unknown>

/**
 * The value of an expression for an item. Undefined is a value of its own: it is no constant's equal, and no item is selected by it.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/equality-comparison-operators
 */
export function evaluate(expression: Expression, item: unknown, parameters: Parameters): unknown {
  const value = (inner: Expression): unknown => evaluate(inner, item, parameters)
  switch (expression.kind) {
    case 'constant':
      return expression.value
    case 'parameter':
      return parameters.get(expression.name)
    case 'path':
      return expression.names.reduce<unknown>(stepInto, item)
    case 'compare':
      return compare(expression.operator, value(expression.left), value(expression.right))
    case 'and':
      return every(expression.operands.map(value), true)
    case 'or':
      return every(expression.operands.map(value), false)
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

/** AND is true when all are, and false when one is; OR is false when all are, and true when one is. Else neither is known. */
function every(values: readonly unknown[], wanted: boolean): boolean | undefined {
  if (values.includes(!wanted)) return !wanted
  return values.every((value) => value === wanted) ? wanted : undefined
}

function compare(operator: Comparison, left: unknown, right: unknown): boolean | undefined {
  if (left === undefined || right === undefined) return undefined
  if (operator === '=' || operator === '!=') return sameJson(left, right) === (operator === '=')
  const type = typeOf(left)
  if (type !== typeOf(right) || type === 'array' || type === 'object') return undefined
  const order = compareValues(left, right)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  if (operator === '>') return order > 0
  return order >= 0
}

function call(name: FunctionName, [first, second, third]: readonly unknown[]): boolean | undefined {
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
      return first.some((element) => sameJson(element, second))
  }
}

const TYPE_ORDER = ['undefined', 'null', 'boolean', 'number', 'string', 'array', 'object']

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/**
 * The order of ORDER BY: by type first. Arrays are each other's equal here, and so are objects.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/order-by
 */
export function compareValues(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right)
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right)
  return TYPE_ORDER.indexOf(typeOf(left)) - TYPE_ORDER.indexOf(typeOf(right))
}

/** By code points, as SQLite's: by JavaScript's own order those above U+FFFF would stand before U+E000. */
export function compareTexts(left: string, right: string): number {
  if (left === right) return 0
  if (/[\ud800-\uffff]/.test(left) && /[\ud800-\uffff]/.test(right))
    return Buffer.compare(Buffer.from(left), Buffer.from(right))
  return left < right ? -1 : 1
}
