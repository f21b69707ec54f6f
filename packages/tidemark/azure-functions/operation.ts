import type { CommandType } from '../core/decider.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { JsonSchema } from '../core/json-schema.ts'
import { idPattern } from '../core/stream.ts'
import { DEFAULT_LIMIT, keyPattern, MAX_LIMIT, MAX_POSITIONS, tokenPattern, versionTagPattern } from './request.ts'

/** An operation of an endpoint, as described in OpenAPI. */
export interface Operation {
  /** The command, if the path has `{command}`. */
  readonly command?: string
  readonly summary: string
  readonly parameters: readonly Parameter[]
  /** The schema of a command's data. */
  readonly body?: CommandType['schema']
  readonly answer: Answer
  /** The domain's refusals: each code and its meaning. */
  readonly refusals?: Readonly<Record<string, string>>
  /** The codes it may answer with, besides those of every operation and the domain's refusals. */
  readonly problems: readonly ErrorCode[]
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  /** Not needed for path parameters, which are always required. */
  readonly required?: true
  readonly description: string
  readonly schema: JsonSchema
}

/** The names of query parameters. The same list is described and checked. */
export function queryNames(parameters: readonly Parameter[]): readonly string[] {
  return parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
}

interface Answer {
  readonly status: 200 | 201 | 202
  readonly description: string
  /** Its headers, each with a description. */
  readonly headers: Readonly<Record<string, string>>
  readonly schema: JsonSchema
}

export const ETAG = { ETag: 'The version, in quotes, as `If-Match` expects it.' }

export const text: JsonSchema = { type: 'string' }

export const count: JsonSchema = { type: 'integer', minimum: 0 }

export const time: JsonSchema = { type: 'string', format: 'date-time' }

export function list(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

/** A stream version, from 1. */
export const version: JsonSchema = { type: 'integer', minimum: 1 }

export function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}

export const idParameter: Parameter = {
  name: 'id',
  in: 'path',
  description: "The aggregate's id.",
  schema: { type: 'string', pattern: idPattern.source },
}

export const positionParameter: Parameter = {
  name: 'position',
  in: 'query',
  description:
    'Waits until the view has reached this position of a command, so that no older data is returned. ' +
    'May be repeated, for one position of each stream.',
  schema: { type: 'array', items: { type: 'string', examples: ['order-1@7'] }, maxItems: MAX_POSITIONS },
}

export const limitParameter: Parameter = {
  name: 'limit',
  in: 'query',
  description: 'The maximum number of items in a page.',
  schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
}

export const commandHeaders: readonly Parameter[] = [
  {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'The id of the command, which takes effect once. A repeat of the same request gets the same answer, ' +
      'even if there was nothing to do. A different request with this key is refused. Refusals are not stored. ' +
      'Without a key a request cannot be repeated safely.',
    schema: { type: 'string', pattern: keyPattern.source },
  },
  {
    name: 'If-Match',
    in: 'header',
    description: 'The version the client decided on, as in `ETag`. The command is refused if the version differs.',
    schema: { type: 'string', pattern: versionTagPattern.source },
  },
  {
    name: 'X-Correlation-Id',
    in: 'header',
    description: 'Copied into every event that the request causes.',
    schema: { type: 'string', pattern: tokenPattern.source },
  },
]
