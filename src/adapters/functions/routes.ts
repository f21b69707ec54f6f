import { app } from '@azure/functions'
import { eventsOf, type HistoryPort, stateOf } from './history.ts'
import { type Endpoint, http, type Route } from './http.ts'
import { openApiOf, type ServedService } from './openapi.ts'
import { checkParameters } from './request.ts'

// Those of this app: a bundle has one, the local host as many as it loads.
const served: ServedService[] = []

/**
 * Registers what a service answers over HTTP: its routes, the history of its streams, an answer for every other path of it; and, once for the
 * app, `/api/openapi.json`, which tells the routes of all its services.
 */
export function serve(service: HistoryPort & { readonly name: string }, routes: readonly Route[]): void {
  const { name } = service
  const all = [
    ...routes,
    { name: 'events', path: 'streams/{stream}/events', GET: eventsOf(service) },
    { name: 'state', path: 'streams/{stream}/state', GET: stateOf(service) },
  ]
  for (const { name: route, path, ...endpoints } of all)
    app.http(`${name}-${route}`, http(`${name}/${path}`, endpoints))
  app.http(`${name}-no-route`, http(`${name}/{*path}`, {}))
  if (served.length === 0) app.http('openapi', http('openapi.json', { GET: openApi }))
  served.push({ name, routes: all })
}

/** The services of this app, as they are served. */
export function servedServices(): readonly ServedService[] {
  return served
}

const openApi: Endpoint = {
  // Not of a service.
  describe: () => [],
  async handle(request) {
    checkParameters(request, [])
    return { jsonBody: openApiOf(served) }
  },
}
