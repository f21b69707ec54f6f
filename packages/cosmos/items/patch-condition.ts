import { badRequest } from '../api/failure.ts'
import { isSelected } from '../query/documents.ts'

/**
 * Whether an item meets a patch's condition, `from c where …`.
 * @throws Failure 400
 * https://learn.microsoft.com/azure/cosmos-db/partial-document-update#supported-modes
 */
export function satisfies(item: object, condition: string): boolean {
  if (!/^\s*from\s/i.test(condition))
    throw badRequest('the condition of a patch must be one such as "from c where c.a = 1"')
  return isSelected(item, `SELECT * ${condition}`)
}
