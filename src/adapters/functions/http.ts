import type {
  HttpFunctionOptions,
  HttpMethod,
  HttpRequest,
  HttpResponseInit,
  InvocationContext,
} from '@azure/functions'
import { problem, problemOf } from './problem.ts'

export type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>

// The host answers a method it has no function for with a bare 404: every route takes all of them, and says itself which it has.
const everyMethod: HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

/** An HTTP trigger: a route and what its methods do. Every refusal and every error becomes its problem details. */
export function http(
  route: string,
  handlers: { readonly GET?: Handler; readonly POST?: Handler },
): HttpFunctionOptions {
  const allowed = [...Object.keys(handlers), ...(handlers.GET ? ['HEAD'] : [])]
  return {
    route,
    methods: everyMethod,
    authLevel: 'function',
    async handler(request, context) {
      const handler = handlers[(request.method === 'HEAD' ? 'GET' : request.method) as keyof typeof handlers]
      if (handler === undefined) {
        if (allowed.length === 0) return problem('route-not-found', 'there is no such route')
        const allow = allowed.join(', ')
        return problem('method-not-allowed', `this route has ${allow}`, { headers: { allow } })
      }
      try {
        return await handler(request, context)
      } catch (error) {
        return problemOf(error, context)
      }
    },
  }
}
