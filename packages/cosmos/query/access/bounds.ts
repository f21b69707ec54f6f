import { type Condition, findPath } from '../compile/queries.ts'
import { findPrefix, parseLike } from '../evaluation/like.ts'
import type { Comparison, Expression } from '../syntax/syntax.ts'
import { findConstant, type QueryInputs } from './constants.ts'
import {
  buildComparisonIntervals,
  buildPrefixIntervals,
  buildTypeIntervals,
  complement,
  type Intervals,
  intersect,
  unite,
} from './intervals.ts'

/** For each path, as JSON: where its value must be for WHERE to be true. WHERE may still be false there. */
export type Bounds = ReadonlyMap<string, Intervals>

const NO_BOUNDS: Bounds = new Map()

const COMPARISONS: Readonly<Record<Comparison, Comparison>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}
const isComparison = (operator: string): operator is Comparison => Object.hasOwn(COMPARISONS, operator)

const TYPES: Readonly<Record<string, Intervals>> = {
  IS_DEFINED: complement(buildTypeIntervals('undefined')),
  IS_NULL: buildTypeIntervals('null'),
  IS_BOOL: buildTypeIntervals('false', 'true'),
  IS_NUMBER: buildTypeIntervals('number'),
  IS_STRING: buildTypeIntervals('string'),
  IS_ARRAY: buildTypeIntervals('array'),
  IS_OBJECT: buildTypeIntervals('object'),
  IS_PRIMITIVE: buildTypeIntervals('null', 'false', 'true', 'number', 'string'),
}

export function findBounds(condition: Condition, known: QueryInputs): Bounds {
  const path = (expression: Expression): readonly string[] | undefined => findPath(expression, condition)
  const constant = (expression: Expression) => findConstant(expression, known)

  function bounds(expression: Expression): Bounds {
    switch (expression.kind) {
      case 'and':
        return expression.operands.map(bounds).reduce(intersectBounds, NO_BOUNDS)
      case 'or':
        return uniteBounds(expression.operands.map(bounds))
      case 'path':
        return at(expression, buildTypeIntervals('true'))
      case 'binary':
        return boundBinary(expression.first, expression.rest)
      case 'in':
        return boundList(expression.operand, expression.list)
      case 'between': {
        const [low, high] = [constant(expression.low), constant(expression.high)]
        if (!low || !high) return NO_BOUNDS
        return at(
          expression.operand,
          intersect(buildComparisonIntervals('>=', low.value), buildComparisonIntervals('<=', high.value)),
        )
      }
      case 'like': {
        const pattern = constant(expression.pattern)
        const parts = typeof pattern?.value === 'string' ? parseLike(pattern.value, expression.escapedBy) : undefined
        return parts ? at(expression.operand, buildPrefixIntervals(findPrefix(parts))) : NO_BOUNDS
      }
      case 'unary':
        return expression.operator === 'NOT' ? boundNegation(expression.operand) : NO_BOUNDS
      case 'call':
        return boundCall(expression.name.toUpperCase(), expression.operands)
      default:
        return NO_BOUNDS
    }
  }

  function at(expression: Expression | undefined, intervals: Intervals): Bounds {
    const names = expression && path(expression)
    return names ? new Map([[JSON.stringify(names), intervals]]) : NO_BOUNDS
  }

  function boundBinary(first: Expression, rest: Extract<Expression, { kind: 'binary' }>['rest']): Bounds {
    const [only, ...others] = rest
    if (!only || others.length > 0 || !isComparison(only.operator)) return NO_BOUNDS
    const right = constant(only.operand)
    if (right) return at(first, buildComparisonIntervals(only.operator, right.value))
    const left = constant(first)
    return left ? at(only.operand, buildComparisonIntervals(COMPARISONS[only.operator], left.value)) : NO_BOUNDS
  }

  function boundList(operand: Expression, list: readonly Expression[]): Bounds {
    if (!path(operand)) return NO_BOUNDS
    const constants = list.map(constant)
    if (!constants.every((one) => one !== undefined)) return NO_BOUNDS
    return at(operand, unite(constants.map(({ value }) => buildComparisonIntervals('=', value))))
  }

  /**
   * Only for checks that are never undefined. A comparison with an incomparable value is not true, nor is its
   * opposite.
   */
  function boundNegation(operand: Expression): Bounds {
    if (operand.kind !== 'call') return NO_BOUNDS
    const [value] = operand.operands
    const intervals = TYPES[operand.name.toUpperCase()]
    return intervals ? at(value, complement(intervals)) : NO_BOUNDS
  }

  function boundCall(name: string, operands: readonly Expression[]): Bounds {
    const [first, second, third] = operands
    const types = TYPES[name]
    if (types) return at(first, types)
    if (!first || !second) return NO_BOUNDS
    if (name === 'STARTSWITH' || name === 'STRINGEQUALS') {
      const text = constant(second)?.value
      const exact = third === undefined || constant(third)?.value === false
      if (typeof text !== 'string' || !exact) return NO_BOUNDS
      return at(first, name === 'STARTSWITH' ? buildPrefixIntervals(text) : buildComparisonIntervals('=', text))
    }
    const list = name === 'ARRAY_CONTAINS' && !third ? constant(first)?.value : undefined
    return Array.isArray(list)
      ? at(second, unite(list.map((value) => buildComparisonIntervals('=', value))))
      : NO_BOUNDS
  }

  return condition.where ? bounds(condition.where) : NO_BOUNDS
}

function intersectBounds(first: Bounds, second: Bounds): Bounds {
  const all = new Map(first)
  for (const [path, intervals] of second) {
    const known = all.get(path)
    all.set(path, known ? intersect(known, intervals) : intervals)
  }
  return all
}

/** Only for the paths that every operand bounds. */
function uniteBounds(all: readonly Bounds[]): Bounds {
  const [first = NO_BOUNDS, ...others] = all
  const common = [...first.keys()].filter((path) => others.every((bounds) => bounds.has(path)))
  return new Map(common.map((path) => [path, unite(all.map((bounds) => bounds.get(path) ?? []))]))
}
