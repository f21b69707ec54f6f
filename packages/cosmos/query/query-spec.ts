import { badRequest } from '../api/failure.ts'
import { isObject } from '../values/json.ts'
import type { Parameters } from './evaluation/frame.ts'
import { type ResumeFilter, readResumeFilter } from './resume-filter.ts'

/** What a client asks. */
export interface QuerySpec {
  readonly text: string
  readonly parameters: Parameters
}

/**
 * The query of a body: its text alone, or with parameters.
 * @throws Failure 400, for a member that is not known too: it might change what is asked.
 * https://learn.microsoft.com/rest/api/cosmos-db/query-documents
 */
export function readQuerySpec(body: unknown): QuerySpec {
  const {
    query: text,
    parameters = [],
    ...others
  }: Record<string, unknown> = typeof body === 'string' ? { query: body } : isObject(body) ? body : {}
  if (typeof text !== 'string' || !Array.isArray(parameters)) throw badRequest('a query is {query, parameters}')
  const [other] = Object.keys(others)
  if (other !== undefined) throw badRequest(`a query has no ${JSON.stringify(other.slice(0, 40))} in this endpoint`)
  return { text, parameters: new Map(parameters.map(readParameter)) }
}

/**
 * The query of a body, and where it goes on.
 * @throws Failure 400
 */
export function readResumableQuery(body: unknown): QuerySpec & { readonly resume: ResumeFilter | undefined } {
  if (!isObject(body) || body.resumeFilter === undefined) return { ...readQuerySpec(body), resume: undefined }
  const { resumeFilter, ...question } = body
  return { ...readQuerySpec(question), resume: readResumeFilter(resumeFilter) }
}

function readParameter(parameter: unknown): [name: string, value: unknown] {
  if (!isObject(parameter) || typeof parameter.name !== 'string' || !('value' in parameter))
    throw badRequest('a parameter of a query is {name, value}')
  return [parameter.name, parameter.value]
}
