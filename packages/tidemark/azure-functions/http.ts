import type {
  HttpFunctionOptions,
  HttpMethod,
  HttpRequest,
  HttpResponseInit,
  InvocationContext,
} from '@azure/functions'
import type { AnyDecider } from '../core/decider.ts'
import type { AnyView } from '../core/view.ts'
import type { Operation } from './operation.ts'
import { problem, toProblem } from './problem.ts'

export type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>

/** What a method of a route does, and what it tells of itself. */
export interface Endpoint {
  readonly handle: Handler
  /** What of the service it leads to: held against the service's declaration when the app starts. */
  readonly uses?: { readonly decider?: AnyDecider; readonly view?: AnyView }
  /** Asked for when somebody asks for the OpenAPI document. */
  describe(): readonly Operation[]
}

/** What the methods of a route do; a GET answers HEAD too. */
export interface Endpoints {
  readonly GET?: Endpoint
  readonly POST?: Endpoint
}

/** A route of a service: registered as it is declared here, and told by OpenAPI from the same declaration. */
export interface Route extends Endpoints {
  /** Of its function, behind the service's name: letters, digits, dashes. */
  readonly name: string
  /** Behind `/api/<service>/`: text and `{parameter}`s. No other route of the app may match a path that it matches. */
  readonly path: string
}

// The host answers a method it has no function for with a bare 404: every route takes all of them, and says
// itself which it has.
const everyMethod: HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

/** An HTTP trigger: a route and what its methods do. Every refusal and every error becomes its problem details. */
export function http(route: string, endpoints: Endpoints): HttpFunctionOptions {
  const allowed = [...Object.keys(endpoints), ...(endpoints.GET ? ['HEAD'] : [])]
  return {
    route,
    methods: everyMethod,
    authLevel: 'function',
    async handler(request, context) {
      const endpoint = endpoints[(request.method === 'HEAD' ? 'GET' : request.method) as keyof Endpoints]
      if (endpoint === undefined) {
        const allow = allowed.join(', ')
        return problem('method-not-allowed', `this route has ${allow}`, { headers: { allow } })
      }
      try {
        return await endpoint.handle(request, context)
      } catch (error) {
        return toProblem(error, context)
      }
    },
  }
}
