import { type Condition, pathOf } from '../compile/queries.ts'
import { prefixOf, readLike } from '../evaluation/like.ts'
import type { Comparison, Expression } from '../syntax/syntax.ts'
import { constantOf, type Known } from './constants.ts'
import { complement, type Intervals, intersected, ofComparison, ofPrefix, ofTypes, united } from './intervals.ts'

/** By the JSON of a path: where the value there must be for WHERE to be true. It may be there and WHERE be false all the same. */
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
  IS_DEFINED: complement(ofTypes('undefined')),
  IS_NULL: ofTypes('null'),
  IS_BOOL: ofTypes('false', 'true'),
  IS_NUMBER: ofTypes('number'),
  IS_STRING: ofTypes('string'),
  IS_ARRAY: ofTypes('array'),
  IS_OBJECT: ofTypes('object'),
  IS_PRIMITIVE: ofTypes('null', 'false', 'true', 'number', 'string'),
}

export function boundsOf(condition: Condition, known: Known): Bounds {
  const path = (expression: Expression): readonly string[] | undefined => pathOf(expression, condition)
  const constant = (expression: Expression) => constantOf(expression, known)

  function bounds(expression: Expression): Bounds {
    switch (expression.kind) {
      case 'and':
        return expression.operands.map(bounds).reduce(both, NO_BOUNDS)
      case 'or':
        return anyOf(expression.operands.map(bounds))
      case 'path':
        return at(expression, ofTypes('true'))
      case 'binary':
        return ofBinary(expression.first, expression.rest)
      case 'in':
        return ofList(expression.operand, expression.list)
      case 'between': {
        const [low, high] = [constant(expression.low), constant(expression.high)]
        if (!low || !high) return NO_BOUNDS
        return at(expression.operand, intersected(ofComparison('>=', low.value), ofComparison('<=', high.value)))
      }
      case 'like': {
        const pattern = constant(expression.pattern)
        const parts = typeof pattern?.value === 'string' ? readLike(pattern.value, expression.escapedBy) : undefined
        return parts ? at(expression.operand, ofPrefix(prefixOf(parts))) : NO_BOUNDS
      }
      case 'unary':
        return expression.operator === 'NOT' ? ofNegation(expression.operand) : NO_BOUNDS
      case 'call':
        return ofCall(expression.name.toUpperCase(), expression.operands)
      default:
        return NO_BOUNDS
    }
  }

  function at(expression: Expression | undefined, intervals: Intervals): Bounds {
    const names = expression && path(expression)
    return names ? new Map([[JSON.stringify(names), intervals]]) : NO_BOUNDS
  }

  function ofBinary(first: Expression, rest: Extract<Expression, { kind: 'binary' }>['rest']): Bounds {
    const [only, ...others] = rest
    if (!only || others.length > 0 || !isComparison(only.operator)) return NO_BOUNDS
    const right = constant(only.operand)
    if (right) return at(first, ofComparison(only.operator, right.value))
    const left = constant(first)
    return left ? at(only.operand, ofComparison(COMPARISONS[only.operator], left.value)) : NO_BOUNDS
  }

  function ofList(operand: Expression, list: readonly Expression[]): Bounds {
    if (!path(operand)) return NO_BOUNDS
    const constants = list.map(constant)
    if (!constants.every((one) => one !== undefined)) return NO_BOUNDS
    return at(operand, united(constants.map(({ value }) => ofComparison('=', value))))
  }

  /** Of what is never undefined alone: the opposite of a comparison is not true of what cannot be compared. */
  function ofNegation(operand: Expression): Bounds {
    if (operand.kind !== 'call') return NO_BOUNDS
    const [value] = operand.operands
    const intervals = TYPES[operand.name.toUpperCase()]
    return intervals ? at(value, complement(intervals)) : NO_BOUNDS
  }

  function ofCall(name: string, operands: readonly Expression[]): Bounds {
    const [first, second, third] = operands
    const types = TYPES[name]
    if (types) return at(first, types)
    if (!first || !second) return NO_BOUNDS
    if (name === 'STARTSWITH' || name === 'STRINGEQUALS') {
      const text = constant(second)?.value
      const exact = third === undefined || constant(third)?.value === false
      if (typeof text !== 'string' || !exact) return NO_BOUNDS
      return at(first, name === 'STARTSWITH' ? ofPrefix(text) : ofComparison('=', text))
    }
    const list = name === 'ARRAY_CONTAINS' && !third ? constant(first)?.value : undefined
    return Array.isArray(list) ? at(second, united(list.map((value) => ofComparison('=', value)))) : NO_BOUNDS
  }

  return condition.where ? bounds(condition.where) : NO_BOUNDS
}

function both(first: Bounds, second: Bounds): Bounds {
  const all = new Map(first)
  for (const [path, intervals] of second) {
    const known = all.get(path)
    all.set(path, known ? intersected(known, intervals) : intervals)
  }
  return all
}

/** Only of the paths that every operand is about. */
function anyOf(all: readonly Bounds[]): Bounds {
  const [first = NO_BOUNDS, ...others] = all
  const common = [...first.keys()].filter((path) => others.every((bounds) => bounds.has(path)))
  return new Map(common.map((path) => [path, united(all.map((bounds) => bounds.get(path) ?? []))]))
}
