import { TidemarkError } from '../core/errors.ts'
import { buildJsonSchema, type JsonSchema } from '../core/json-schema.ts'
import { validate } from '../core/schema.ts'
import type { Route } from './http.ts'
import type { Operation, Parameter } from './operation.ts'
import { DOMAIN_REFUSAL, findStatus } from './problem.ts'

/** A service, with all its routes. */
export interface ServedService {
  readonly name: string
  readonly routes: readonly Route[]
}

/** Codes of every operation: faults of the service itself. */
const everywhere = ['internal'] as const

/**
 * Builds OpenAPI 3.1 for services from their routes. https://spec.openapis.org/oas/v3.1.1
 * @throws TidemarkError `internal` for a path parameter without description, or a schema without JSON Schema.
 * @example
 * ```ts
 * import { buildOpenApi, servedServices } from 'tidemark/azure-functions'
 *
 * console.log(JSON.stringify(buildOpenApi(servedServices()), null, 2))
 * ```
 */
export function buildOpenApi(services: readonly ServedService[]): JsonSchema {
  const sorted = services.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const paths: Record<string, Record<string, JsonSchema>> = {}
  for (const { name, routes } of sorted)
    for (const route of routes)
      for (const method of ['GET', 'POST'] as const)
        for (const operation of route[method]?.describe() ?? []) {
          const path = `/${name}/${operation.command ? route.path.replace('{command}', operation.command) : route.path}`
          paths[path] = { ...paths[path], [method.toLowerCase()]: buildOperation(name, route, path, operation) }
        }
  return {
    openapi: '3.1.1',
    info: { title: `Tidemark: ${sorted.map(({ name }) => name).join(', ')}`, version: '1.0.0' },
    servers: [{ url: '/api' }],
    security: [{}, { functionKey: [] }],
    tags: sorted.map(({ name }) => ({ name })),
    paths,
    components: {
      schemas: { Problem },
      // https://learn.microsoft.com/azure/azure-functions/function-keys-how-to
      securitySchemes: { functionKey: { type: 'apiKey', in: 'header', name: 'x-functions-key' } },
    },
  }
}

function buildOperation(service: string, route: Route, path: string, operation: Operation): JsonSchema {
  const { command, summary, parameters, body, answer } = operation
  for (const [, name] of path.matchAll(/\{([^}]+)\}/g))
    if (!parameters.some((parameter) => parameter.in === 'path' && parameter.name === name))
      throw new TidemarkError('internal', `no parameter describes {${name}} of ${path}`)
  return {
    tags: [service],
    operationId: [service, route.name, ...(body ? [command ?? 'create'] : [])].join('-'),
    summary,
    parameters: parameters.map(buildParameter),
    ...(body ? { requestBody: buildRequestBody(body, summary) } : {}),
    responses: {
      [answer.status]: {
        description: answer.description,
        headers: Object.fromEntries(
          Object.entries(answer.headers).map(([name, details]) => [name, buildHeader(details)]),
        ),
        content: { 'application/json': { schema: answer.schema } },
      },
      ...buildProblems(operation),
    },
  }
}

function buildParameter({ name, in: place, required, description, schema }: Parameter): JsonSchema {
  return { name, in: place, description, ...(place === 'path' || required ? { required: true } : {}), schema }
}

function buildHeader(description: string): JsonSchema {
  return { description, schema: { type: 'string' } }
}

/** The body is optional if `{}` is valid. */
function buildRequestBody(body: NonNullable<Operation['body']>, summary: string): JsonSchema {
  return {
    required: validate(body, {}).outcome === 'invalid',
    content: { 'application/json': { schema: buildJsonSchema(body, `the body of ${summary}`) } },
  }
}

/**
 * One answer for each status, with its codes. The domain's codes are those of the decider, so some may belong
 * to its other commands.
 */
function buildProblems({ summary, refusals = {}, problems }: Operation): Record<string, JsonSchema> {
  const codes = Map.groupBy([...problems, ...everywhere], findStatus)
  const answers = [...codes].map(([status, those]): [number, JsonSchema] => [
    status,
    problemAnswer(those.join(', '), { type: 'string', enum: those.toSorted() }, status >= 503),
  ])
  if (codes.has(DOMAIN_REFUSAL) && Object.keys(refusals).length > 0)
    throw new TidemarkError('internal', `${summary} declares a problem with status 409, which refusals use`)
  const details = Object.entries(refusals).map(([code, what]) => `\`${code}\`: ${what}`)
  if (details.length > 0) {
    const description = ['The domain refuses the command.', ...details].join('\n\n')
    answers.push([DOMAIN_REFUSAL, problemAnswer(description, { type: 'string' }, false)])
  }
  return Object.fromEntries(answers)
}

function problemAnswer(description: string, code: JsonSchema, passing: boolean): JsonSchema {
  return {
    description,
    ...(passing ? { headers: { 'Retry-After': buildHeader('Seconds.') } } : {}),
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code } }] },
      },
    },
  }
}

/** https://www.rfc-editor.org/rfc/rfc9457 */
const Problem: JsonSchema = {
  type: 'object',
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'The stable error code.' },
    detail: { type: 'string', description: 'For people.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { pointer: { type: 'string', format: 'json-pointer' }, detail: { type: 'string' } },
        required: ['pointer', 'detail'],
      },
    },
  },
  required: ['type', 'title', 'status', 'code', 'detail'],
}
