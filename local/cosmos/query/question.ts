import { badRequest } from '../failure.ts'
import { isObject } from '../json.ts'
import type { Parameters } from './frame.ts'

/**
 * The query of a body: its text alone, or with parameters.
 * @throws Failure 400
 * https://learn.microsoft.com/rest/api/cosmos-db/query-documents
 */
export function readQuestion(body: unknown): { readonly text: string; readonly parameters: Parameters } {
  const { query: text, parameters = [] } = typeof body === 'string' ? { query: body } : isObject(body) ? body : {}
  if (typeof text !== 'string' || !Array.isArray(parameters)) throw badRequest('a query is {query, parameters}')
  return { text, parameters: new Map(parameters.map(readParameter)) }
}

function readParameter(parameter: unknown): [name: string, value: unknown] {
  if (!isObject(parameter) || typeof parameter.name !== 'string' || !('value' in parameter))
    throw badRequest('a parameter of a query is {name, value}')
  return [parameter.name, parameter.value]
}
