import { getJson, type Service } from '../api/client.ts'
import type { JsonSchema } from '../api/contract.ts'

interface OpenApi {
  readonly paths: Readonly<Record<string, { readonly post?: PostOperation }>>
  readonly components?: { readonly schemas?: Readonly<Record<string, JsonSchema>> }
}

interface PostOperation {
  readonly tags: readonly string[]
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly {
    readonly name: string
    readonly in: string
    readonly description?: string
    readonly schema: JsonSchema
  }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: JsonSchema } } }
}

/** A command of a service: its route, and the schema of its body. */
export interface Command {
  readonly id: string
  readonly service: string
  /** Relative to the service's address, with `{parameter}`s. */
  readonly path: string
  readonly summary: string
  readonly parameters: readonly { readonly name: string; readonly description: string; readonly schema: JsonSchema }[]
  readonly body: JsonSchema
}

/**
 * The commands of all services, from their OpenAPI documents. A route without an idempotency key is an
 * operator's action, not a command.
 */
export async function listCommands(services: readonly Service[], signal: AbortSignal): Promise<readonly Command[]> {
  const addresses = [...new Set(services.map(({ openapi }) => openapi))]
  const documents = await Promise.all(addresses.map((address) => getJson<OpenApi>(address, signal)))
  return documents.flatMap(({ paths }) =>
    Object.entries(paths).flatMap(([path, { post }]): Command[] => {
      const service = path.split('/')[1] ?? ''
      if (!post?.parameters.some(({ name }) => name === 'Idempotency-Key')) return []
      return [
        {
          id: post.operationId,
          service,
          path: path.slice(service.length + 1),
          summary: post.summary,
          parameters: post.parameters
            .filter((parameter) => parameter.in === 'path')
            .map(({ name, description = '', schema }) => ({ name, description, schema })),
          body: post.requestBody?.content['application/json'].schema ?? { type: 'object', properties: {} },
        },
      ]
    }),
  )
}
