import { StartError } from '../kit/errors.ts'
import { log } from './log.ts'
import type { RegisteredFunction } from './registrations.ts'
import { matchRoute, overlaps, parseRoute, type Route } from './route.ts'
import type { Settings } from './settings.ts'
import { TriggerOptions } from './trigger-options.ts'

/** Number of HTTP methods. A function for all of them is listed without methods. */
const ALL_METHODS = 7

interface Endpoint {
  readonly registered: RegisteredFunction
  readonly bindingName: string
  readonly route: Route
  readonly methods: ReadonlySet<string>
}

interface Match {
  readonly registered: RegisteredFunction
  readonly bindingName: string
  readonly params: Readonly<Record<string, string>>
}

/**
 * Finds the function for a request. Functions are sorted by name, ignoring case. The first one whose route
 * and methods match gets the request, even if another route is more specific.
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script/Host/FunctionMetadataManager.cs,
 * https://github.com/Azure/azure-functions-host/blob/dev/src/WebJobs.Script.WebHost/WebScriptHostHttpRoutesManager.cs
 */
export class Router {
  readonly #endpoints: readonly Endpoint[]
  readonly #prefix: readonly string[]

  /** @throws StartError if a route does not parse, or two functions have the same route and method. */
  constructor(functions: readonly RegisteredFunction[], routePrefix: string, settings: Settings) {
    this.#prefix = routePrefix === '' ? [] : routePrefix.toLowerCase().split('/')
    this.#endpoints = functions
      .map((registered) => buildEndpoint(registered, settings))
      .sort((a, b) => compareNames(a.registered.metadata.name, b.registered.metadata.name))
    refuseTwins(this.#endpoints)
    warnAboutOverlaps(this.#endpoints)
  }

  get routes(): readonly { readonly name: string; readonly methods: string; readonly path: string }[] {
    return this.#endpoints.map(({ registered, route, methods }) => ({
      name: registered.metadata.name,
      methods: methods.size < ALL_METHODS ? `${[...methods].join(',')} ` : '',
      path: `/${[...this.#prefix, route.template.replace(/^\//, '')].join('/')}`,
    }))
  }

  /**
   * Returns the first function, in the order of names, that has the method and whose route matches. If all
   * matching routes lack the method, it returns undefined: the Functions host answers 404 then, not 405.
   * @param path of the URL, still encoded.
   */
  match(method: string, path: string): Match | undefined {
    const parts = path.slice(1).split('/')
    // A trailing slash makes no difference.
    if (parts.length > 1 && parts.at(-1) === '') parts.pop()
    for (const [index, part] of this.#prefix.entries()) if (parts[index]?.toLowerCase() !== part) return undefined
    const rest = parts.slice(this.#prefix.length)
    for (const { registered, bindingName, route, methods } of this.#endpoints) {
      if (!methods.has(method)) continue
      const params = matchRoute(route, rest)
      if (params) return { registered, bindingName, params }
    }
    return undefined
  }
}

function buildEndpoint(registered: RegisteredFunction, settings: Settings): Endpoint {
  const options = new TriggerOptions(registered, settings)
  const { methods } = options.binding
  if (!Array.isArray(methods) || methods.some((method) => typeof method !== 'string'))
    throw options.invalid('methods', 'a list of methods')
  return {
    registered,
    bindingName: options.bindingName,
    route: parseRoute(options.string('route', options.functionName), options.functionName),
    methods: new Set(methods.map((method: string) => method.toUpperCase())),
  }
}

/** Compares as .NET does without case: by upper-case letters, so that `_` comes after letters. */
function compareNames(one: string, other: string): number {
  const [a, b] = [one.toUpperCase(), other.toUpperCase()]
  return a < b ? -1 : a > b ? 1 : 0
}

/** Warns for each function whose route also matches requests of later functions. */
function warnAboutOverlaps(endpoints: readonly Endpoint[]): void {
  for (const [index, first] of endpoints.entries()) {
    const later = endpoints
      .slice(index + 1)
      .filter(({ route, methods }) => overlaps(first.route, route) && !first.methods.isDisjointFrom(methods))
      .map(({ registered, route }) => `${registered.metadata.name} (${route.template})`)
    const { name } = first.registered.metadata
    if (later.length > 0)
      log('warning', name, `its route ${first.route.template} gets requests before ${later.join(', ')}: sorted by name`)
  }
}

function refuseTwins(endpoints: readonly Endpoint[]): void {
  const seen = new Map<string, string>()
  for (const { registered, route, methods } of endpoints)
    for (const method of methods) {
      const key = `${method} ${route.shape}`
      const other = seen.get(key)
      if (other !== undefined)
        throw new StartError(
          `functions ${other} and ${registered.metadata.name} have the same route: ${method} ${route.template}`,
        )
      seen.set(key, registered.metadata.name)
    }
}
