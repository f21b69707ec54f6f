import { erasure } from '../core/erasure.ts'
import type { EventType } from '../core/event.ts'
import { findEventFaults } from '../core/event-names.ts'
import { listFaults } from '../core/list.ts'
import { listPersonalFields } from '../core/personal.ts'
import {
  functionNames,
  hasPersonalData,
  KEYS,
  LEASES,
  LOG,
  listFollowingViews,
  listOwnViews,
  listReactions,
  PARKED,
  PROGRESS,
  SCHEDULE,
  type Service,
  SNAPSHOTS,
} from '../core/service.ts'
import type { AnyMultiServiceView } from '../core/view.ts'
import type { Route } from './http.ts'
import { overlap, unknownSegments } from './overlap.ts'

/** A route of an app, with its service. */
export interface PlacedRoute extends Route {
  readonly service: string
}

/** Containers of every service's database, present or possible. No view can have one of these names. */
const RESERVED_CONTAINERS = [LOG, LEASES, PROGRESS, PARKED, SCHEDULE, SNAPSHOTS, KEYS]

/**
 * Lists the faults in a service's declaration and routes, one line each; empty if there are none. Otherwise
 * the first event would reveal them, or nothing would.
 * @param routes the routes of the service, and those of the services that the app already serves.
 */
export function registrationFaults(service: Service, routes: readonly PlacedRoute[]): readonly string[] {
  return [
    ...declarationFaults(service),
    ...personalFaults(service),
    ...routes.filter((route) => route.service === service.name).flatMap((route) => useFaults(service, route)),
    ...routeFaults(routes),
    ...nameFaults(service, routes),
  ]
}

function declarationFaults(service: Service): readonly string[] {
  const { name, deciders, views, publishes, processes = [] } = service
  const categories = deciders.map(({ category }) => category)
  const recorded = new Set(deciders.flatMap(({ events }) => events.map((event) => event.name)))
  return [
    ...deciders.flatMap(({ category, events }) => findEventFaults(`the decider ${category}`, events)),
    ...findDuplicates(categories).map((category) => `${name} lists two deciders of the category ${category}`),
    ...deciders
      .filter(({ stateVersion = 1 }) => !(Number.isSafeInteger(stateVersion) && stateVersion > 0))
      .map(
        ({ category, stateVersion }) => `the stateVersion of ${category} is ${stateVersion}, not a whole number from 1`,
      ),
    ...findDuplicates(views.map((view) => view.name)).map((view) => `${name} lists two views called ${view}`),
    ...findDuplicates(listReactions(service).map((reaction) => reaction.name)).map(
      (reaction) => `${name} lists two reactions called ${reaction}`,
    ),
    ...views
      .filter((view) => RESERVED_CONTAINERS.includes(view.name))
      .map((view) => `the view ${view.name} of ${name} would share its container with something else`),
    ...listOwnViews(service)
      .filter((view) => !categories.includes(view.category))
      .map((view) => `the view ${view.name} follows ${view.category}, but ${name} lists no such decider`),
    ...listFollowingViews(service).flatMap(sourceFaults),
    ...views.flatMap(listFaults),
    ...processes
      .filter(({ decider }) => !deciders.includes(decider))
      .map(({ decider }) => `${name} has a process manager whose decider ${decider.category} it does not list`),
    ...listReactions(service)
      .filter((reaction) => reaction.service === name && !categories.includes(reaction.category))
      .map(
        (reaction) => `the reaction ${reaction.name} follows ${reaction.category}, but ${name} lists no such decider`,
      ),
    ...(deciders.length === 0 && listReactions(service).length > 0
      ? [`${name} has reactions, but no decider that they could send commands to`]
      : []),
    ...publishes
      .filter((publication) => !recorded.has(publication.privateEvent.name))
      .map((publication) => `${name} publishes ${publication.privateEvent.name}, but none of its deciders records it`),
  ]
}

function personalFaults(service: Service): readonly string[] {
  const { name, deciders, publishes, views } = service
  const isPersonal = ({ schema }: EventType): boolean => listPersonalFields(schema).length > 0
  const isPublishedPersonal = (type: EventType): boolean =>
    publishes.some(({ privateEvent, publicEvent }) => privateEvent === type && isPersonal(publicEvent))
  return [
    ...deciders
      .filter(({ subject }) => subject === undefined)
      .flatMap(({ category, events }) =>
        events
          .filter((type) => isPersonal(type) || isPublishedPersonal(type))
          .map((type) => `${type.name} of ${category} has personal fields, but the decider names no subject`),
      ),
    ...(hasPersonalData(service) && !deciders.includes(erasure)
      ? [`${name} has personal data: list the decider erasure, which records who was forgotten`]
      : []),
    ...views.flatMap(({ name: view, document, filters, orders = {} }) => {
      const fields = document ? listPersonalFields(document).map(({ path }) => path.join('.')) : []
      return [...Object.keys(filters), ...Object.keys(orders)]
        .filter((field) => fields.includes(field))
        .map((field) => `the view ${view} cannot be filtered or ordered by ${field}, which is personal and encrypted`)
    }),
  ]
}

/** A source without events, or named twice, would never be handled as it is meant. */
function sourceFaults({ name, sources }: AnyMultiServiceView): readonly string[] {
  const named = sources.map(({ service, category }) => `${service}/${category}`)
  return [
    ...(sources.length === 0 ? [`the view ${name} follows no service`] : []),
    ...findDuplicates(named).map((source) => `the view ${name} lists the source ${source} twice`),
    ...sources
      .filter(({ events }) => events.length === 0)
      .map(({ service, category }) => `the view ${name} handles no event of ${service}/${category}`),
    ...sources.flatMap(({ service, category, events }) =>
      findEventFaults(`the source ${service}/${category} of the view ${name}`, events),
    ),
  ]
}

/**
 * Routes that use something the service does not declare: such a view would never be projected, and such a
 * decider never found.
 */
function useFaults(service: Service, { path, GET, POST }: PlacedRoute): readonly string[] {
  return [GET, POST].flatMap((endpoint) => {
    const { decider, view } = endpoint?.uses ?? {}
    return [
      ...(decider && !service.deciders.includes(decider)
        ? [
            `the route ${service.name}/${path} sends commands to ${decider.category}, ` +
              `a decider that ${service.name} does not list`,
          ]
        : []),
      ...(view && !service.views.includes(view)
        ? [
            `the route ${service.name}/${path} reads ${view.name}, ` +
              `a view that ${service.name} does not list: it has no trigger`,
          ]
        : []),
    ]
  })
}

function routeFaults(routes: readonly PlacedRoute[]): readonly string[] {
  const paths = routes.map(({ service, path }) => `${service}/${path}`)
  return [
    ...paths.flatMap((path) =>
      unknownSegments(path).map(
        (part) => `the route ${path}: ${part || 'an empty part'} is neither text nor {parameter}`,
      ),
    ),
    ...paths.flatMap((path, index) =>
      paths
        .slice(0, index)
        .filter((other) => overlap(path, other))
        .map(
          (other) => `the routes ${other} and ${path} match the same paths: function names would decide which answers`,
        ),
    ),
  ]
}

/** The host compares function names case-insensitively. */
function nameFaults(service: Service, routes: readonly PlacedRoute[]): readonly string[] {
  const { relay, projections, reactions, periodic } = functionNames(service)
  const names = [
    ...routes.map((route) => `${route.service}-${route.name}`),
    ...(relay === undefined ? [] : [relay]),
    ...[...projections, ...reactions, periodic],
  ]
  return findDuplicates(names.map((name) => name.toLowerCase())).map((name) => `two functions would be called ${name}`)
}

function findDuplicates(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))]
}
