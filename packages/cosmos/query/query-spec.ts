import { badRequest } from '../api/failure.ts'
import { isObject } from '../values/json.ts'
import type { Parameters } from './evaluation/frame.ts'
import { type ResumeFilter, readResumeFilter } from './resume-filter.ts'

/** A query of a client. */
interface QuerySpec {
  readonly text: string
  readonly parameters: Parameters
}

/**
 * Reads the query of a body: its text alone, or with parameters.
 * @throws Failure 400, also for an unknown member, as it might change the query.
 * https://learn.microsoft.com/rest/api/cosmos-db/query-documents
 */
export function readQuerySpec(body: unknown): QuerySpec {
  const {
    query: text,
    parameters = [],
    ...others
  }: Record<string, unknown> = typeof body === 'string' ? { query: body } : isObject(body) ? body : {}
  if (typeof text !== 'string' || !Array.isArray(parameters)) throw badRequest('a query must be {query, parameters}')
  const [other] = Object.keys(others)
  if (other !== undefined)
    throw badRequest(`${JSON.stringify(other.slice(0, 40))} in a query is not supported by the emulator`)
  return { text, parameters: new Map(parameters.map(readParameter)) }
}

/**
 * Reads the query of a body, and where it resumes.
 * @throws Failure 400
 */
export function readResumableQuery(body: unknown): QuerySpec & { readonly resume: ResumeFilter | undefined } {
  if (!isObject(body) || body.resumeFilter === undefined) return { ...readQuerySpec(body), resume: undefined }
  const { resumeFilter, ...question } = body
  return { ...readQuerySpec(question), resume: readResumeFilter(resumeFilter) }
}

function readParameter(parameter: unknown): [name: string, value: unknown] {
  if (!isObject(parameter) || typeof parameter.name !== 'string' || !('value' in parameter))
    throw badRequest('a parameter of a query must be {name, value}')
  return [parameter.name, parameter.value]
}
