import { isDeepStrictEqual } from 'node:util'
import { isObject, type JsonObject } from '../schemas/json.ts'
import { describeAll } from './compare-events.ts'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'
import { type Difference, subsetDifferences } from './schema-subset.ts'

const FILE = 'openapi.json'
const JSON_BODY = ['content', 'application/json', 'schema']

/** An operation before and after, each with the document its references point into. */
interface Pair {
  readonly before: unknown
  readonly after: unknown
  readonly released: JsonObject
  readonly now: JsonObject
}

/**
 * Compares the HTTP API. A valid request must stay valid, and an answer must keep its fields. A new problem
 * code is no difference: a client handles an unknown code by its status.
 * https://www.rfc-editor.org/rfc/rfc9457
 */
export function compareOpenApi(releasedFiles: Documents, nowFiles: Documents): Report {
  const released = releasedFiles.get(FILE)
  const now = nowFiles.get(FILE)
  if (released === undefined) return nothingFound
  if (now === undefined) return { ...nothingFound, refused: ['openapi.json is removed'] }
  const refused: string[] = []
  const notices: string[] = []
  let operations = 0
  for (const part of ['servers', 'security'])
    if (!isDeepStrictEqual(released[part], now[part])) refused.push(`HTTP: ${part} were changed`)
  const problem = ['components', 'schemas', 'Problem']
  const problems = subsetDifferences(at(now, ...problem), at(released, ...problem), { narrow: now, wide: released })
  if (problems.length > 0) refused.push(`HTTP: problem details: ${describeAll(problems)}`)

  for (const [path, methods] of Object.entries(at(released, 'paths') ?? {}))
    for (const [method, before] of Object.entries(methods as object)) {
      operations += 1
      const name = `${method.toUpperCase()} ${path}`
      const after = at(now, 'paths', path, method)
      if (after === undefined) {
        refused.push(`${name} is removed`)
        continue
      }
      const pair = { before, after, released, now }
      const answers = answerDifferences(pair)
      for (const line of [...parameterDifferences(pair), ...bodyDifferences(pair), ...answers.refused])
        refused.push(`${name}: ${line}`)
      for (const line of answers.notices) notices.push(`${name}: ${line}`)
    }
  return { ...nothingFound, refused, notices, counted: { ...nothingFound.counted, operations } }
}

function indexParameters(operation: unknown): ReadonlyMap<string, JsonObject> {
  const all = (at(operation, 'parameters') ?? []) as readonly JsonObject[]
  // Header names are case-insensitive.
  return new Map(
    all.map((each) => [`${each.in} ${each.in === 'header' ? String(each.name).toLowerCase() : each.name}`, each]),
  )
}

function parameterDifferences({ before, after, released, now }: Pair): string[] {
  const [was, is] = [indexParameters(before), indexParameters(after)]
  const added = [...is].filter(([name, { required }]) => !was.has(name) && required === true)
  return [
    ...added.map(([name]) => `a request needs ${name}`),
    ...[...was].flatMap(([name, parameter]) => {
      const current = is.get(name)
      if (current === undefined) return [`${name} is removed`]
      const differences = subsetDifferences(parameter.schema, current.schema, { narrow: released, wide: now })
      return [
        ...(current.required === true && parameter.required !== true ? [`a request needs ${name}`] : []),
        ...(differences.length === 0 ? [] : [`a valid request is now refused: ${name} ${describeAll(differences)}`]),
      ]
    }),
  ]
}

function bodyDifferences({ before, after, released, now }: Pair): string[] {
  const [was, is] = [at(before, 'requestBody'), at(after, 'requestBody')]
  if (is === undefined) return was === undefined ? [] : ['a request no longer has a body']
  const needed = at(is, 'required') === true && at(was, 'required') !== true
  const [taken, takes] = [at(was, ...JSON_BODY), at(is, ...JSON_BODY)]
  const differences = was === undefined ? [] : subsetDifferences(taken, takes, { narrow: released, wide: now })
  return [
    ...(needed ? ['a request needs a body'] : []),
    ...(differences.length === 0 ? [] : [`a valid request is now refused: ${describeAll(differences)}`]),
  ]
}

/** A new value in a list is only a notice: clients must accept values they do not know. docs/contract.md */
function answerDifferences({ before, after, released, now }: Pair): { refused: string[]; notices: string[] } {
  const refused: string[] = []
  const notices: string[] = []
  for (const [status, was] of Object.entries(at(before, 'responses') ?? {})) {
    if (!/^2/.test(status)) continue
    const is = at(after, 'responses', status)
    if (!isObject(is)) {
      refused.push(`it no longer answers ${status}`)
      continue
    }
    for (const header of Object.keys(at(was, 'headers') ?? {}))
      if (at(is, 'headers', header) === undefined) refused.push(`the answer's header ${header} is removed`)
    const documents = { narrow: now, wide: released }
    const differences = subsetDifferences(at(is, ...JSON_BODY), at(was, ...JSON_BODY), documents)
    const isNew = (difference: Difference): boolean => difference.isNewValue === true
    const others = differences.filter((each) => !isNew(each))
    if (others.length > 0) refused.push(`the answer has changed: ${describeAll(others)}`)
    if (differences.some(isNew)) notices.push(`the answer has a new value: ${describeAll(differences.filter(isNew))}`)
  }
  return { refused, notices }
}
