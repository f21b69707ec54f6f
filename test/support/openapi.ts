import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** What of an OpenAPI document its tests look at. */
export interface OpenApi {
  readonly info: { readonly title: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly responses: Readonly<Record<string, { readonly headers?: Readonly<Record<string, unknown>> }>>
}

/** Every operation: its path, its method as HTTP writes it, and what is told of it. */
export function listOperations(document: OpenApi): { path: string; method: string; operation: OpenApiOperation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
}

/** Holds answers against an OpenAPI document with a validator that shares nothing with what made it. */
export class AnswerCheck {
  readonly #ajv: Ajv2020

  constructor(document: OpenApi) {
    // What the document says beside schemas is no keyword of JSON Schema; of its examples and defaults
    // nothing is to be checked.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(this.#ajv)
    this.#ajv.addSchema(document, 'openapi')
  }

  /** @throws AssertionError where the document tells no such answer of the operation, or another one. */
  check(
    { path, method }: { readonly path: string; readonly method: string },
    answer: { readonly status: number; readonly headers: Headers; readonly body: unknown },
  ): void {
    const media = answer.headers.get('content-type')?.split(';')[0] ?? ''
    const pointer = [
      'paths',
      path,
      method.toLowerCase(),
      'responses',
      String(answer.status),
      'content',
      media,
      'schema',
    ]
      .map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/')
    const validate = this.#ajv.getSchema(`openapi#/${pointer}`)
    assert.ok(
      validate,
      `${method} ${path}: no answer ${answer.status} ${media} is told: ${JSON.stringify(answer.body)}`,
    )
    assert.ok(validate(answer.body), `${method} ${path} ${answer.status}: ${this.#ajv.errorsText(validate.errors)}`)
  }
}
