import { sameJson } from '../../values/json.ts'
import { classifyValue, compareValues } from '../../values/values.ts'
import type { BinaryOperator, Comparison, UnaryOperator } from '../syntax/syntax.ts'

/**
 * Values of different types are unequal and have no order. Undefined cannot be compared at all.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/equality-comparison-operators
 */
export function compare(operator: Comparison, left: unknown, right: unknown): boolean | undefined {
  if (left === undefined || right === undefined) return undefined
  if (operator === '=') return sameJson(left, right)
  if (operator === '!=') return !sameJson(left, right)
  const type = classifyValue(left)
  if (type !== classifyValue(right) || type === 'array' || type === 'object') return undefined
  const order = compareValues(left, right)
  if (operator === '<') return order < 0
  if (operator === '<=') return order <= 0
  if (operator === '>') return order > 0
  return order >= 0
}

/**
 * Arithmetic and bit operators take numbers, `||` takes texts. Other operands give undefined, and so does a
 * result that JSON has no number for.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/arithmetic-operators
 */
export function applyBinary(operator: BinaryOperator, left: unknown, right: unknown): unknown {
  switch (operator) {
    case '=':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(operator, left, right)
    case '||':
      return typeof left === 'string' && typeof right === 'string' ? left + right : undefined
  }
  if (typeof left !== 'number' || typeof right !== 'number') return undefined
  return finite(calculate(operator, left, right))
}

function calculate(
  operator: Exclude<BinaryOperator, Comparison | '||'>,
  left: number,
  right: number,
): number | undefined {
  switch (operator) {
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return left / right
    case '%':
      return left % right
  }
  // https://learn.microsoft.com/azure/cosmos-db/nosql/query/bitwise-operators
  if (!Number.isInteger(left) || !Number.isInteger(right)) return undefined
  switch (operator) {
    case '&':
      return left & right
    case '|':
      return left | right
    case '^':
      return left ^ right
    case '<<':
      return left << right
    case '>>':
      return left >> right
    case '>>>':
      return left >>> right
  }
}

export function applyUnary(operator: UnaryOperator, operand: unknown): unknown {
  if (operator === 'NOT') return typeof operand === 'boolean' ? !operand : undefined
  if (typeof operand !== 'number') return undefined
  if (operator === '-') return -operand
  if (operator === '+') return operand
  return Number.isInteger(operand) ? ~operand : undefined
}

export function finite(value: number | undefined): number | undefined {
  return value !== undefined && Number.isFinite(value) ? value : undefined
}

/**
 * AND is false when one operand is false, and true when all are true. OR is true when one is true, and false
 * when all are false. Otherwise the result is undefined.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/logical-operators
 */
export function decide<Input>(
  operands: readonly ((input: Input) => unknown)[],
  input: Input,
  deciding: boolean,
): boolean | undefined {
  let known = true
  for (const operand of operands) {
    const value = operand(input)
    if (value === deciding) return deciding
    if (value !== !deciding) known = false
  }
  return known ? !deciding : undefined
}
