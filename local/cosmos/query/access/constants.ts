import type { Parameters } from '../frame.ts'
import type { Expression } from '../syntax.ts'

/** What an expression is for every item; undefined where it is not known before. */
export function constantOf(expression: Expression, parameters: Parameters): { readonly value: unknown } | undefined {
  if (expression.kind === 'constant') return { value: expression.value }
  if (expression.kind === 'parameter') return { value: parameters.get(expression.name) }
  if (expression.kind !== 'array') return undefined
  const elements = expression.elements.map((element) => constantOf(element, parameters))
  return elements.every((element) => element !== undefined)
    ? { value: elements.map(({ value }) => value).filter((value) => value !== undefined) }
    : undefined
}
