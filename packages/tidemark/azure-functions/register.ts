import { app } from '@azure/functions'
import type { DataPath } from '../core/data-path.ts'
import { TidemarkError } from '../core/errors.ts'
import {
  followingName,
  functionNames,
  listFollowedServices,
  listOwnViews,
  listViewSources,
  projectionName,
  reactionsName,
  type Service,
} from '../core/service.ts'
import { buildBrowseRoutes } from './browse.ts'
import { type PlacedRoute, registrationFaults } from './check-registration.ts'
import { getState, type HistoryPort, listEvents } from './history.ts'
import { type Endpoint, http, type Route } from './http.ts'
import { buildOpenApi, type ServedService } from './openapi.ts'
import { buildOperationRoutes, type OperationsPort } from './operations.ts'
import { checkParameters } from './request.ts'
import {
  buildFollowingTrigger,
  buildPeriodicTrigger,
  buildProjectionsTrigger,
  buildReactionsTrigger,
  buildRelayTrigger,
  type TriggerPort,
} from './triggers.ts'

/** What a service's functions need. */
export interface RegisteredService extends HistoryPort, TriggerPort, OperationsPort, Pick<DataPath, 'close'> {
  readonly declaration: Service
}

// The services of this app. A bundle has one; the local host has all that it loads.
const served: ServedService[] = []

/**
 * Registers the functions of a service. These are its HTTP routes, including stream history, health and
 * operations. Then its relay, one consumer for all views of its own events, and for each hub that it follows one
 * for the views and one for the reactions. Then the timer of periodic work. `/api/openapi.json`, once per app,
 * describes the routes of all services. Everything is checked first and registered completely or not at all.
 * @throws TidemarkError `registration-invalid`: one line per fault, and the app does not start.
 * @example
 * ```ts
 * import { compose, register } from 'tidemark/azure-functions'
 * import { entries } from './entries.ts'
 *
 * const ping = { describe: () => [], handle: async () => ({ jsonBody: 'pong' }) }
 * register(compose(entries), [{ name: 'ping', path: 'ping', GET: ping }])
 * ```
 */
export function register(service: RegisteredService, routes: readonly Route[]): void {
  const { name, declaration } = service
  const all: readonly Route[] = [
    ...routes,
    { name: 'events', path: 'streams/{stream}/events', GET: listEvents(service) },
    { name: 'state', path: 'streams/{stream}/state', GET: getState(service) },
    ...buildOperationRoutes(service),
    ...buildBrowseRoutes(service),
  ]
  const placed = [...served, { name, routes: all }].flatMap((each) =>
    each.routes.map((route): PlacedRoute => ({ ...route, service: each.name })),
  )
  const faults = registrationFaults(declaration, placed)
  if (faults.length > 0) throw new TidemarkError('registration-invalid', faults.join('\n'))

  // By default the host leaves empty messages out of a batch. Then nobody would notice them, and the sequence
  // numbers of the other messages would be unknown. https://github.com/Azure/azure-functions-host/issues/8499
  if (served.length === 0) app.setup({ capabilities: { IncludeEmptyEntriesInMessagePayload: true } })
  for (const { name: route, path, ...endpoints } of all)
    app.http(`${name}-${route}`, http(`${name}/${path}`, endpoints))
  if (served.length === 0) app.http('openapi', http('openapi.json', { GET: openApi }))
  served.push({ name, routes: all })

  const { relay, periodic } = functionNames(declaration)
  if (relay !== undefined) app.cosmosDB(relay, buildRelayTrigger(service))
  if (listOwnViews(declaration).length > 0) app.eventHub(projectionName(name), buildProjectionsTrigger(service))
  for (const hub of listViewSources(declaration))
    app.eventHub(followingName(name, hub), buildFollowingTrigger(service, hub))
  for (const hub of listFollowedServices(declaration))
    app.eventHub(reactionsName(name, hub), buildReactionsTrigger(service, hub))
  app.timer(periodic, buildPeriodicTrigger(service))
  app.hook.appTerminate(() => service.close())
}

/**
 * The services of this app, with their routes.
 * @example
 * ```ts
 * import { serve, servedServices } from 'tidemark/azure-functions'
 * import { entries } from './entries.ts'
 *
 * serve(entries)
 * console.log(servedServices().map(({ name, routes }) => `${name}: ${routes.length} routes`))
 * ```
 */
export function servedServices(): readonly ServedService[] {
  return served
}

const openApi: Endpoint = {
  // It belongs to no service.
  describe: () => [],
  async handle(request) {
    checkParameters(request, [])
    return { jsonBody: buildOpenApi(served) }
  },
}
