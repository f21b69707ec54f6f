import { canary, canaryView } from './canary.ts'
import type { AnyDecider } from './decider.ts'
import type { DomainEvent, EventType } from './event.ts'
import type { ProcessManager } from './process-manager.ts'
import type { AnyReaction } from './reaction.ts'
import type { Resource } from './resource.ts'
import type { AnyView } from './view.ts'

/**
 * The declaration of a microservice: all that the topology, the composition and the functions derive from.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Service } from 'tidemark'
 * import { buildTopology } from 'tidemark/tools'
 * import { entry } from './entry.ts'
 *
 * const journal: Service = {
 *   name: 'journal',
 *   ...{ deciders: [entry], publishes: [], views: [], reactions: [] },
 *   resources: [{ path: 'pages', commands: { decider: entry, offered: ['open'] } }],
 * }
 * // Its name is that of its database too.
 * assert.equal(buildTopology([journal]).databases[0]?.name, 'journal')
 * ```
 */
export interface Service {
  /** Lower-case letters, digits, dashes: the names of its database and of its event hub. */
  readonly name: string
  readonly deciders: readonly AnyDecider[]
  /** The public contract: the events that other services may rely on. The relay publishes every event all the same. */
  readonly publishes: readonly PublicEvent[]
  readonly views: readonly AnyView[]
  /** What it does about events, of other services or its own. */
  readonly reactions: readonly AnyReaction[]
  /** What leads something through several services. */
  readonly processes?: readonly ProcessManager[]
  /** What clients reach over HTTP. */
  readonly resources?: readonly Resource[]
}

/**
 * All reactions of a service, those of its process managers among them.
 * @example
 * ```ts
 * import { listReactions } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * for (const { name, service, category } of listReactions(entries)) console.log(`${name} follows ${category} of ${service}`)
 * ```
 */
export function listReactions({
  reactions,
  processes = [],
}: Pick<Service, 'reactions' | 'processes'>): readonly AnyReaction[] {
  return [...reactions, ...processes.flatMap((process) => process.reactions)]
}

/** Whether a service sends commands later, and so needs a schedule and the timer that looks at it. */
export function hasSchedule(service: Pick<Service, 'reactions' | 'processes'>): boolean {
  return listReactions(service).some((reaction) => reaction.schedules === true)
}

/** Whether a service keeps snapshots of its aggregates. */
export function hasSnapshots({ deciders }: Pick<Service, 'deciders'>): boolean {
  return deciders.some(({ stateVersion }) => stateVersion !== undefined)
}

/** Whether a service can be sent canaries. */
export function hasCanary({ deciders, views }: Pick<Service, 'deciders' | 'views'>): boolean {
  return deciders.includes(canary) && views.includes(canaryView)
}

/** The names of a service's functions that run without being asked over HTTP. */
export interface FunctionNames {
  readonly relay: string
  /** One for all views, where the service has any. */
  readonly projections: readonly string[]
  /** One for all reactions to the events of one hub. */
  readonly reactions: readonly string[]
  /** The timer of all periodic work: one, since each function is scaled and billed by itself. */
  readonly periodic: string
}

/** The services whose events a service reacts to, each once. */
export function listFollowedServices(service: Pick<Service, 'reactions' | 'processes'>): readonly string[] {
  return [...new Set(listReactions(service).map((reaction) => reaction.service))]
}

/** The function that brings the events of the service's own hub to its views. Its consumer group has the same name. */
export function projectionName(service: string): string {
  return `${service}-views`
}

/** The function that brings the events of a hub to the service's reactions. */
export function reactionsName(service: string, hub: string): string {
  return `${service}-reactions-${hub}`
}

/** The consumer group of that function, in each hub that the service follows. */
export function reactionsGroup(service: string): string {
  return `${service}-reactions`
}

/** The function that publishes the service's log. */
export function relayName(service: string): string {
  return `${service}-relay`
}

/** Names a service's functions: the same in its app, in its topology and in what is deployed. */
export function functionNames(service: Service): FunctionNames {
  const { name, views } = service
  return {
    relay: relayName(name),
    projections: views.length > 0 ? [projectionName(name)] : [],
    reactions: listFollowedServices(service).map((hub) => reactionsName(name, hub)),
    periodic: `${name}-periodic`,
  }
}

/**
 * An event of the public contract: the one that the service keeps, and the one that others are told of it.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType, type PublicEvent, published } from 'tidemark'
 * import * as z from 'zod'
 *
 * const Lent = eventType('Lent', z.object({ reader: z.string() }))
 * // What is kept is told as it is, unless there is something to translate it.
 * const isToldAsKept = ({ translate }: PublicEvent): boolean => translate === undefined
 * assert.ok(isToldAsKept(published(Lent)))
 * ```
 */
export interface PublicEvent {
  readonly privateEvent: EventType
  /** Versioned by itself: its steps are the contract's, not those of what the service keeps. */
  readonly publicEvent: EventType
  /** What others are told; absent where both are the same declaration. Pure and total. */
  readonly translate?: (data: never) => unknown
}

/**
 * Publishes an event as it is kept.
 * @example
 * ```ts
 * import { eventType, published } from 'tidemark'
 * import * as z from 'zod'
 *
 * const Opened = eventType('Opened', z.object({ title: z.string(), note: z.string() }))
 * const ToldOpened = eventType('Opened', z.object({ title: z.string() }))
 * // Others are told the title. The note stays here.
 * export const publishes = [published(Opened, ToldOpened, ({ title }) => ({ title }))]
 * ```
 */
export function published(type: EventType): PublicEvent
/**
 * Publishes what `translate` makes of an event, recorded beside it as it is written: what was once said is
 * never said differently.
 */
export function published<Data, Told>(
  privateEvent: EventType<string, Data>,
  published: EventType<string, Told>,
  translate: (data: Data) => NoInfer<Told>,
): PublicEvent
export function published(
  privateEvent: EventType,
  publicEvent: EventType = privateEvent,
  translate?: (data: never) => unknown,
): PublicEvent {
  return { privateEvent, publicEvent, ...(translate ? { translate } : {}) }
}

/** What others are told of an event, where that is not what is kept. */
export function toPublicEvent({ publishes }: Pick<Service, 'publishes'>, event: DomainEvent): DomainEvent | undefined {
  const publication = publishes.find(({ privateEvent }) => privateEvent.name === event.type)
  if (publication?.translate === undefined) return undefined
  return { type: publication.publicEvent.name, data: publication.translate(event.data as never) }
}

/**
 * CloudEvents' source of the events of a service's category.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { formatSource } from 'tidemark/tools'
 *
 * assert.equal(formatSource('entries', 'entry'), '/entries/entry')
 * ```
 */
export function formatSource(service: string, category: string): string {
  return `/${service}/${category}`
}

/** The container of a service's log. */
export const LOG = 'events'

/** The container of the leases by which the relay reads the log. */
export const LEASES = 'leases'

/** The container in which the instances of a service's consumers write how far they have come. */
export const PROGRESS = 'progress'

/** The container in which waits what a service's consumers cannot process. */
export const PARKED = 'parked'

/** The container in which a service keeps the commands that wait for their time. */
export const SCHEDULE = 'schedule'

/** The container in which a service keeps snapshots of its aggregates. */
export const SNAPSHOTS = 'snapshots'

/**
 * How long the marks of applied events are kept, in hours. They tell what was applied between a document and
 * the cursor that is written after it: a crash, or two instances at once. What is older than half of this is
 * never taken for new without a look at the cursor.
 */
export const MARKER_HOURS = 24

/**
 * How long after a swap the generation of a view of many streams that was live before can be gone back to, in
 * hours. Where a crash kept a cursor from being written, marks alone tell what was applied.
 */
export const ROLLBACK_HOURS = 12
