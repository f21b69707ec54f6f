import { sameJson, setField, stepInto } from '../../values/json.ts'
import { isAggregate } from '../evaluation/aggregates.ts'
import type { Evaluate, Frame } from '../evaluation/frame.ts'
import { matchesLike, parseLike } from '../evaluation/like.ts'
import { applyBinary, applyUnary, compare, decide } from '../evaluation/operators.ts'
import { FUNCTIONS, UNSUPPORTED } from '../functions/functions.ts'
import { queryFailure, unsupported } from '../syntax/query-failure.ts'
import type { Expression, Operation } from '../syntax/syntax.ts'
import { type Context, formatIdentity } from './context.ts'

type ExpressionOf<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>

/**
 * Compiles an expression to a function of a row. Computes once what does not depend on the row.
 * @throws Failure 400 for unknown names, functions and constructs.
 */
export function compileExpression(expression: Expression, context: Context): Evaluate {
  const { group } = context
  if (group && group.keys.length > 0) {
    const key = group.keys.indexOf(formatIdentity(expression))
    if (key >= 0) return ({ keys }) => keys[key]
  }
  switch (expression.kind) {
    case 'constant': {
      const { value } = expression
      return () => value
    }
    case 'parameter': {
      const { name } = expression
      context.parameters.add(name)
      return ({ parameters }) => parameters.get(name)
    }
    case 'name': {
      const slot = resolveSlot(expression, context)
      return ({ values }) => values[slot]
    }
    case 'path':
      return compilePath(expression, context)
    case 'array': {
      const elements = expression.elements.map((element) => compileExpression(element, context))
      return (frame) => elements.map((element) => element(frame)).filter((value) => value !== undefined)
    }
    case 'object':
      return compileObject(
        expression.fields.map(({ name, value }) => ({ name, value: compileExpression(value, context) })),
      )
    case 'unary': {
      const { operator } = expression
      const operand = compileExpression(expression.operand, context)
      return (frame) => applyUnary(operator, operand(frame))
    }
    case 'binary':
      return compileBinary(expression, context)
    case 'and':
    case 'or': {
      const operands = expression.operands.map((operand) => compileExpression(operand, context))
      const deciding = expression.kind === 'or'
      return (frame) => decide(operands, frame, deciding)
    }
    case 'coalesce': {
      const operands = expression.operands.map((operand) => compileExpression(operand, context))
      return (frame) => firstDefined(operands, frame)
    }
    case 'conditional':
      return compileConditional(expression, context)
    case 'in':
      return compileIn(expression, context)
    case 'between': {
      const [operand, low, high] = [expression.operand, expression.low, expression.high].map((one) =>
        compileExpression(one, context),
      ) as [Evaluate, Evaluate, Evaluate]
      return (frame) => {
        const value = operand(frame)
        return decide([() => compare('>=', value, low(frame)), () => compare('<=', value, high(frame))], frame, false)
      }
    }
    case 'like':
      return compileLike(expression, context)
    case 'call':
      return compileCall(expression, context)
    default:
      return compileSubquery(expression, context)
  }
}

/**
 * A group has only what all its items share: https://learn.microsoft.com/azure/cosmos-db/nosql/query/group-by
 */
function resolveSlot({ name, at }: ExpressionOf<'name'>, context: Context, whole = at): number {
  const slot = context.scope.resolve(name, at)
  context.reads.item = true
  if (context.group)
    throw queryFailure(
      `Property reference '${context.text.slice(whole.start, whole.end)}' is invalid in the select list because ` +
        'it is not contained in either an aggregate function or the GROUP BY clause.',
      whole,
      'SC2102',
    )
  return slot
}

function compilePath({ from, steps, at }: ExpressionOf<'path'>, context: Context): Evaluate {
  const slot = from.kind === 'name' ? resolveSlot(from, context, at) : undefined
  const base = slot === undefined ? compileExpression(from, context) : ({ values }: Frame): unknown => values[slot]
  const constants = steps.map((step) => (step.kind === 'constant' ? step.value : undefined))
  if (steps.every(({ kind }) => kind === 'constant')) {
    if (!constants.every(isStep)) return () => undefined
    const [only] = constants
    if (constants.length === 1 && only !== undefined) return (frame) => stepInto(base(frame), only)
    return (frame) => constants.reduce<unknown>(stepInto, base(frame))
  }
  const compiled = steps.map((step) => compileExpression(step, context))
  return (frame) =>
    compiled.reduce<unknown>((value, step) => {
      const name = step(frame)
      return isStep(name) ? stepInto(value, name) : undefined
    }, base(frame))
}

const isStep = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number'

/** Fields without a value are left out. */
export function compileObject(fields: readonly { readonly name: string; readonly value: Evaluate }[]): Evaluate {
  return (frame) => {
    const object = {}
    for (const { name, value } of fields) {
      const field = value(frame)
      if (field !== undefined) setField(object, name, field)
    }
    return object
  }
}

function compileBinary({ first, rest }: ExpressionOf<'binary'>, context: Context): Evaluate {
  const start = compileExpression(first, context)
  const operations = rest.map(({ operator, operand }) => ({ operator, operand: compileExpression(operand, context) }))
  const [only] = operations
  if (operations.length === 1 && only) return compileOperation(start, only.operator, only.operand)
  return (frame) =>
    operations.reduce<unknown>((left, { operator, operand }) => {
      const value = applyBinary(operator, left, operand(frame))
      if (typeof value === 'string') frame.work.checkSize(value.length)
      return value
    }, start(frame))
}

function compileOperation(left: Evaluate, operator: Operation['operator'], right: Evaluate): Evaluate {
  if (operator === '=')
    return (frame) => {
      const [a, b] = [left(frame), right(frame)]
      return a === undefined || b === undefined ? undefined : sameJson(a, b)
    }
  return (frame) => applyBinary(operator, left(frame), right(frame))
}

function firstDefined(operands: readonly Evaluate[], frame: Frame): unknown {
  for (const operand of operands) {
    const value = operand(frame)
    if (value !== undefined) return value
  }
  return undefined
}

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/ternary-coalesce-operators */
function compileConditional({ cases, otherwise }: ExpressionOf<'conditional'>, context: Context): Evaluate {
  const compiled = cases.map(({ when, value }) => ({
    when: compileExpression(when, context),
    value: compileExpression(value, context),
  }))
  const last = compileExpression(otherwise, context)
  return (frame) => (compiled.find(({ when }) => when(frame) === true)?.value ?? last)(frame)
}

/** An OR of equalities. https://learn.microsoft.com/azure/cosmos-db/nosql/query/keywords#in */
function compileIn({ operand, list }: ExpressionOf<'in'>, context: Context): Evaluate {
  const value = compileExpression(operand, context)
  // A set finds texts and numbers at once, however long the list.
  const constants = new Set<unknown>()
  const others: Evaluate[] = []
  for (const element of list)
    if (element.kind === 'constant' && isStep(element.value)) constants.add(element.value)
    else others.push(compileExpression(element, context))
  return (frame) => {
    const sought = value(frame)
    if (sought === undefined) return undefined
    if (constants.has(sought)) return true
    return decide(
      others.map((other) => () => compare('=', sought, other(frame))),
      frame,
      true,
    )
  }
}

function compileLike({ operand, pattern, escapedBy }: ExpressionOf<'like'>, context: Context): Evaluate {
  if (escapedBy !== undefined && [...escapedBy].length !== 1)
    throw queryFailure(`The ESCAPE of LIKE must be one character, not '${escapedBy}'.`)
  const [text, like] = [compileExpression(operand, context), compileExpression(pattern, context)]
  const fixed =
    pattern.kind === 'constant' && typeof pattern.value === 'string' ? parseLike(pattern.value, escapedBy) : undefined
  return (frame) => {
    const [value, sought] = [text(frame), like(frame)]
    if (typeof value !== 'string' || typeof sought !== 'string') return undefined
    const parts = fixed ?? parseLike(sought, escapedBy)
    return parts ? matchesLike(value, parts) : undefined
  }
}

function compileCall(call: ExpressionOf<'call'>, context: Context): Evaluate {
  const name = call.name.toUpperCase()
  if (isAggregate(name)) return compileAggregate(call, context)
  if (call.name.startsWith('udf.')) throw unsupported(`The user-defined function ${call.name}`, call.at)
  if (UNSUPPORTED.has(name)) throw unsupported(`The function ${name}`, call.at)
  const builtIn = FUNCTIONS.get(name)
  if (!builtIn) throw queryFailure(`'${call.name}' is not a recognized built-in function name.`, call.at, 'SC2005')
  const { least, most, call: run } = builtIn
  const count = call.operands.length
  if (count < least || count > most)
    throw queryFailure(
      `The ${name} function requires ${least === most ? least : `${least} to ${most}`} argument(s).`,
      call.at,
      'SC2050',
    )
  const operands = call.operands.map((operand) => compileExpression(operand, context))
  return (frame) =>
    run(
      operands.map((operand) => operand(frame)),
      frame.work,
    )
}

function compileAggregate({ name, operands, at }: ExpressionOf<'call'>, context: Context): Evaluate {
  if (context.inAggregate)
    throw queryFailure(
      'Cannot perform an aggregate function on an expression containing an aggregate or a subquery.',
      at,
    )
  const { group } = context
  if (!group) throw queryFailure(`The aggregate function ${name.toUpperCase()} is valid in the select list only.`, at)
  const [operand] = operands
  if (operands.length !== 1 || operand === undefined)
    throw queryFailure(`The ${name.toUpperCase()} function requires 1 argument(s).`, at, 'SC2050')
  const index = group.aggregates.length
  const compiled = compileExpression(operand, { ...context, group: undefined, inAggregate: true })
  const upper = name.toUpperCase()
  if (isAggregate(upper)) group.aggregates.push({ name: upper, operand: compiled })
  return ({ aggregates }) => aggregates[index]
}

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/subquery */
function compileSubquery(
  { kind, query, at }: ExpressionOf<'exists' | 'array-of' | 'scalar'>,
  context: Context,
): Evaluate {
  if (context.inAggregate)
    throw queryFailure(
      'Cannot perform an aggregate function on an expression containing an aggregate or a subquery.',
      at,
    )
  if (context.group) throw unsupported('A subquery in the select list of a query with groups', at)
  const results = context.compileSubquery(query, context)
  if (kind === 'array-of') return (frame) => [...results(frame)]
  if (kind === 'exists')
    return (frame) => {
      for (const _ of results(frame)) return true
      return false
    }
  return (frame) => {
    const [first, second] = results(frame)
    if (second !== undefined)
      throw queryFailure('The cardinality of a scalar subquery result set cannot be greater than one.', at)
    return first
  }
}
