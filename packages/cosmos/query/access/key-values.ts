import { type Condition, findPath } from '../compile/queries.ts'
import type { Expression } from '../syntax/syntax.ts'
import { findConstant, type QueryInputs } from './constants.ts'

/** The values that an item must have at some paths of its key, by the JSON of the paths. */
export type KeyValues = ReadonlyMap<string, unknown>

const MAX_KEYS = 10_000

/**
 * The keys that WHERE asks for, as in `(c.id = "1" AND c.pk = "a") OR (c.id = "2" AND c.pk = "b")`. SDKs read
 * many items this way.
 * @returns undefined when WHERE may select items with other keys too.
 */
export function findKeyValues(
  condition: Condition,
  paths: ReadonlySet<string>,
  known: QueryInputs,
): readonly KeyValues[] | undefined {
  function values(expression: Expression): readonly KeyValues[] | undefined {
    switch (expression.kind) {
      case 'and':
        return expression.operands.map(values).reduce(mergeKeyValues)
      case 'or':
        return uniteKeyValues(expression.operands, values)
      case 'binary': {
        const [only, ...others] = expression.rest
        if (only?.operator !== '=' || others.length > 0) return undefined
        return equal(expression.first, [only.operand]) ?? equal(only.operand, [expression.first])
      }
      case 'in':
        return equal(expression.operand, expression.list)
      default:
        return undefined
    }
  }

  function equal(operand: Expression, list: readonly Expression[]): readonly KeyValues[] | undefined {
    const names = findPath(operand, condition)
    const path = names && JSON.stringify(names)
    if (path === undefined || !paths.has(path) || list.length > MAX_KEYS) return undefined
    const constants = list.map((one) => findConstant(one, known))
    if (!constants.every((one) => one !== undefined)) return undefined
    return constants.filter(({ value }) => isScalar(value)).map(({ value }) => new Map([[path, value]]))
  }

  return condition.where && values(condition.where)
}

/** No other value can be a key. */
const isScalar = (value: unknown): boolean => value !== undefined && (typeof value !== 'object' || value === null)

function uniteKeyValues(
  operands: readonly Expression[],
  values: (expression: Expression) => readonly KeyValues[] | undefined,
): readonly KeyValues[] | undefined {
  const all: KeyValues[] = []
  for (const operand of operands) {
    const some = values(operand)
    if (!some || all.length + some.length > MAX_KEYS) return undefined
    all.push(...some)
  }
  return all
}

/** The keys that meet both conditions. */
function mergeKeyValues(
  first: readonly KeyValues[] | undefined,
  second: readonly KeyValues[] | undefined,
): readonly KeyValues[] | undefined {
  if (!first || !second) return first ?? second
  if (first.length * second.length > MAX_KEYS) return first.length < second.length ? first : second
  return first.flatMap((one) =>
    second
      .filter((other) => [...other].every(([path, value]) => !one.has(path) || one.get(path) === value))
      .map((other) => new Map([...one, ...other])),
  )
}
