import type { EventType } from './event.ts'
import { buildJsonSchema, type JsonSchema } from './json-schema.ts'
import type { FieldValues } from './list.ts'
import {
  followingName,
  listFollowedServices,
  listFollowingViews,
  listOwnViews,
  listReactions,
  listViewSources,
  projectionName,
  reactionsName,
  type Service,
} from './service.ts'
import { type AnyView, describeCategories } from './view.ts'

/** One version of an event, and the JSON Schema of its data. */
interface EventVersionAbout {
  readonly version: number
  /** `additive`: readers of the version before can read it. `breaking`: they cannot. */
  readonly change: 'first' | 'additive' | 'breaking'
  readonly schema: JsonSchema
}

/** A view or a reaction of a consumer, and the events it handles; null: all of its category. */
interface HandlerAbout {
  readonly name: string
  readonly category: string
  readonly events: readonly string[] | null
}

/** What a service declares, for tools that draw it or offer its commands. */
export interface ServiceAbout {
  readonly service: string
  /** Identifies the build, by its handlers and events. */
  readonly build: string
  /** The service's own hub. */
  readonly hub: string
  readonly categories: readonly {
    readonly name: string
    /** Whether its streams belong to a process manager. */
    readonly process: boolean
    readonly commands: readonly string[]
    readonly events: readonly string[]
  }[]
  readonly events: readonly {
    readonly type: string
    readonly category: string
    /** Every version ever written, oldest first. Of a type that is declared by its name alone: none. */
    readonly versions: readonly EventVersionAbout[]
    /** The types it is read as; empty: it is retired. Absent: it has not ended. */
    readonly ended?: readonly string[]
    /** Its public event; absent if the event is not part of the public contract. */
    readonly published?: { readonly type: string; readonly versions: readonly EventVersionAbout[] }
  }[]
  readonly views: readonly {
    readonly name: string
    readonly kind: AnyView['kind']
    /** For a view over several services: `ordering/order, payments/payment`. */
    readonly category: string
    readonly filters: Readonly<Record<string, FieldValues>>
    /** The fields that its lists can be ordered by, each with its type. */
    readonly orders: Readonly<Record<string, 'string' | 'number'>>
  }[]
  readonly consumers: readonly {
    readonly name: string
    readonly hub: string
    readonly kind: 'views' | 'reactions'
    readonly handlers: readonly HandlerAbout[]
  }[]
}

/** @throws TidemarkError `internal` if an event's schema has no JSON Schema. */
export function describeService(service: Service, build: string): ServiceAbout {
  const processes = new Set((service.processes ?? []).map(({ decider }) => decider))
  const toName = ({ name }: { readonly name: string }): string => name
  const describeHandler = ({ name, category, events }: HandlerDeclaration): HandlerAbout => ({
    name,
    category,
    events: events?.map(toName) ?? null,
  })
  return {
    service: service.name,
    build,
    hub: service.name,
    categories: service.deciders.map((decider) => ({
      name: decider.category,
      process: processes.has(decider),
      commands: decider.commands.map(toName),
      events: decider.events.map(toName),
    })),
    events: service.deciders.flatMap(({ category, events }) =>
      events.map((type) => {
        const publication = service.publishes.find(({ privateEvent: recorded }) => recorded.name === type.name)
        return {
          type: type.name,
          category,
          versions: describeVersions(type),
          ...(type.ending ? { ended: type.ending.into.map(toName) } : {}),
          ...(publication
            ? { published: { type: publication.publicEvent.name, versions: describeVersions(publication.publicEvent) } }
            : {}),
        }
      }),
    ),
    views: service.views.map((view) => {
      const { name, kind, filters, orders = {} } = view
      return { name, kind, category: describeCategories(view), filters, orders }
    }),
    consumers: [
      ...(listOwnViews(service).length > 0
        ? [
            {
              name: projectionName(service.name),
              hub: service.name,
              kind: 'views' as const,
              handlers: listOwnViews(service).map(describeHandler),
            },
          ]
        : []),
      ...listViewSources(service).map((hub) => ({
        name: followingName(service.name, hub),
        hub,
        kind: 'views' as const,
        handlers: listFollowingViews(service, hub).flatMap(({ name, sources }) =>
          sources
            .filter((source) => source.service === hub)
            .map(({ category, events }) => describeHandler({ name, category, events })),
        ),
      })),
      ...listFollowedServices(service).map((hub) => ({
        name: reactionsName(service.name, hub),
        hub,
        kind: 'reactions' as const,
        handlers: listReactions(service)
          .filter((reaction) => reaction.service === hub)
          .map(describeHandler),
      })),
    ],
  }
}

interface HandlerDeclaration {
  readonly name: string
  readonly category: string
  readonly events?: readonly EventType[]
}

function describeVersions({ name, versions }: EventType): readonly EventVersionAbout[] {
  return versions.map(({ version, change, schema }) => ({
    version,
    change,
    schema: buildJsonSchema(schema, `${name} version ${version}`),
  }))
}
