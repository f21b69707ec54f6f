import type { CommandType } from '../core/decider.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { JsonSchema } from '../core/json-schema.ts'
import { idPattern } from '../core/stream.ts'
import { DEFAULT_LIMIT, keyPattern, MAX_LIMIT, tokenPattern, versionTagPattern } from './request.ts'

/** What an endpoint does for whoever calls it, as OpenAPI tells it. */
export interface Operation {
  /** Which command, where the path says it: `{command}`. */
  readonly command?: string
  readonly summary: string
  readonly parameters: readonly Parameter[]
  /** Of a command's data. */
  readonly body?: CommandType['schema']
  readonly answer: Answer
  /** What the domain may refuse with, and what each code means. */
  readonly refusals?: Readonly<Record<string, string>>
  /** Codes that it may answer with, besides those of every operation. A command may be refused by the domain, too. */
  readonly problems: readonly ErrorCode[]
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  /** What is in the path always is. */
  readonly required?: true
  readonly description: string
  readonly schema: JsonSchema
}

/** What a query may have: the same list is told and taken. */
export function queryNames(parameters: readonly Parameter[]): readonly string[] {
  return parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name)
}

export interface Answer {
  readonly status: 200 | 201 | 202
  readonly description: string
  /** Its headers, each with what it says. */
  readonly headers: Readonly<Record<string, string>>
  readonly schema: JsonSchema
}

export const ETAG = { ETag: 'The version, in quotes: what `If-Match` takes.' }

/** How many events a version counts. */
export const version: JsonSchema = { type: 'integer', minimum: 1 }

export function object(properties: Readonly<Record<string, JsonSchema>>, optional: readonly string[] = []): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties).filter((name) => !optional.includes(name)) }
}

export const idParameter: Parameter = {
  name: 'id',
  in: 'path',
  description: 'Of the aggregate.',
  schema: { type: 'string', pattern: idPattern.source },
}

export const positionParameter: Parameter = {
  name: 'position',
  in: 'query',
  description: 'Waits until the view has come to this position, as a command answers it, and never shows older data.',
  schema: { type: 'string', examples: ['order-1@7'] },
}

export const limitParameter: Parameter = {
  name: 'limit',
  in: 'query',
  description: 'How many items a page has at most.',
  schema: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT },
}

export const commandHeaders: readonly Parameter[] = [
  {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'The id of the command. It has one outcome: the same request is answered as the first time, also where there was nothing to do, and another request with this key is refused. A refusal is not kept. Without a key nothing can be repeated.',
    schema: { type: 'string', pattern: keyPattern.source },
  },
  {
    name: 'If-Match',
    in: 'header',
    description: 'The version that the client decided on, as `ETag` answers it: another one refuses the command.',
    schema: { type: 'string', pattern: versionTagPattern.source },
  },
  {
    name: 'X-Correlation-Id',
    in: 'header',
    description: 'Common to all that one request sets off; copied into the events.',
    schema: { type: 'string', pattern: tokenPattern.source },
  },
]
