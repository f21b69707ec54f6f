import { badRequest } from '../failure.ts'
import { evaluate } from '../query/evaluator.ts'
import { parseQuery } from '../query/parser.ts'

/**
 * Whether an item meets a patch's condition, `from c where …`.
 * @throws Failure 400
 * https://learn.microsoft.com/azure/cosmos-db/partial-document-update#supported-modes
 */
export function satisfies(item: unknown, condition: string): boolean {
  const { where, parameters } = parseQuery(`SELECT * ${condition}`)
  if (parameters.size > 0) throw badRequest('the condition of a patch has no parameters')
  return where === undefined || evaluate(where, item, new Map()) === true
}
