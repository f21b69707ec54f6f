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

type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>

/** The handler of one method of a route, and its description. */
export interface Endpoint {
  readonly handle: Handler
  /** The decider or view it uses. Registration checks that the service declares it. */
  readonly uses?: { readonly decider?: AnyDecider; readonly view?: AnyView }
  /** Describes its operations for the OpenAPI document; called on request. */
  describe(): readonly Operation[]
}

/** The endpoints of a route by method. A GET also answers HEAD. */
interface Endpoints {
  readonly GET?: Endpoint
  readonly POST?: Endpoint
}

/** A route of a service. It is registered and described in OpenAPI from this declaration. */
export interface Route extends Endpoints {
  /** The name of its function, without the service's prefix: letters, digits, dashes. */
  readonly name: string
  /**
   * The path below `/api/<service>/`: text and `{parameter}`s. No two routes of an app may match the same
   * path.
   */
  readonly path: string
}

// For a method without a function the host answers a bare 404. So every route takes all methods and answers
// itself.
const everyMethod: HttpMethod[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']

/** An HTTP trigger for a route and its endpoints. Every refusal and error is answered as problem details. */
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
        return problem('method-not-allowed', `this route allows ${allow}`, { headers: { allow } })
      }
      try {
        return await endpoint.handle(request, context)
      } catch (error) {
        return toProblem(error, context)
      }
    },
  }
}
