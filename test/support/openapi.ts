import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

/** The parts of an OpenAPI document that tests read. */
export interface OpenApi {
  readonly info: { readonly title: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
}

export interface OpenApiOperation {
  readonly operationId: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly responses: Readonly<Record<string, { readonly headers?: Readonly<Record<string, unknown>> }>>
}

/** Every operation with its path, its method in capitals, and its description. */
export function listOperations(document: OpenApi): { path: string; method: string; operation: OpenApiOperation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
}

/** Compares answers with an OpenAPI document, with a validator that shares no code with its generator. */
export class AnswerCheck {
  readonly #ajv: Ajv2020

  constructor(document: OpenApi) {
    // OpenAPI's own fields are no keywords of JSON Schema, and examples and defaults are not checked.
    this.#ajv = new Ajv2020({ strict: false, allErrors: true })
    addFormats.default(this.#ajv)
    this.#ajv.addSchema(document, 'openapi')
  }

  /** @throws AssertionError if the document does not describe the answer, or describes it otherwise. */
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
      `${method} ${path}: no answer ${answer.status} ${media} is documented: ${JSON.stringify(answer.body)}`,
    )
    assert.ok(validate(answer.body), `${method} ${path} ${answer.status}: ${this.#ajv.errorsText(validate.errors)}`)
  }
}
