import { canary, canaryView } from './canary.ts'
import type { AnyDecider } from './decider.ts'
import type { DomainEvent, EventType } from './event.ts'
import type { ProcessManager } from './process-manager.ts'
import type { AnyReaction } from './reaction.ts'
import type { Resource } from './resource.ts'
import { type AnyMultiServiceView, type AnyOwnView, type AnyView, isOwnView } from './view.ts'

/**
 * The declaration of a microservice. The topology, the composition and the functions derive from it.
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
 * // Its name is also the name of its database.
 * assert.equal(buildTopology([journal]).databases[0]?.name, 'journal')
 * ```
 */
export interface Service {
  /** Also the name of its database and of its event hub: lower-case letters, digits and dashes. */
  readonly name: string
  /** None: the service only follows others, and has no log and no hub. */
  readonly deciders: readonly AnyDecider[]
  /**
   * The public contract: the events other services may rely on. The relay publishes every event, listed or
   * not.
   */
  readonly publishes: readonly PublicEvent[]
  readonly views: readonly AnyView[]
  /** Its reactions to events of other services or its own. */
  readonly reactions: readonly AnyReaction[]
  /** Its process managers, which coordinate several services. */
  readonly processes?: readonly ProcessManager[]
  /** What clients can reach over HTTP. */
  readonly resources?: readonly Resource[]
  /** Which services may read personal fields of each other's public events. */
  readonly personal?: PersonalGrants
}

/**
 * Grants to read personal fields. Both services must declare one: `readers` of the owner, and `reads` of the
 * follower. Without it, a follower gets the text for a forgotten field.
 * @example
 * ```ts
 * import type { PersonalGrants } from 'tidemark'
 *
 * export const ordering: PersonalGrants = { readers: ['shipping'] }
 * export const shipping: PersonalGrants = { reads: ['ordering'] }
 * ```
 */
export interface PersonalGrants {
  /** The services that may read personal fields of this service's events. */
  readonly readers?: readonly string[]
  /** The services whose personal fields this service reads. */
  readonly reads?: readonly string[]
}

/**
 * All reactions of a service, including those of its process managers.
 * @example
 * ```ts
 * import { listReactions } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * for (const { name, service, category } of listReactions(entries))
 *   console.log(`${name} follows ${category} of ${service}`)
 * ```
 */
export function listReactions({
  reactions,
  processes = [],
}: Pick<Service, 'reactions' | 'processes'>): readonly AnyReaction[] {
  return [...reactions, ...processes.flatMap((process) => process.reactions)]
}

/** Whether a service sends commands later. It then needs a schedule and the timer that polls it. */
export function hasSchedule(service: Pick<Service, 'reactions' | 'processes'>): boolean {
  return listReactions(service).some((reaction) => reaction.schedules === true)
}

/**
 * Whether a service records events. One without deciders only follows others: it has no log, no relay, no archive
 * and no hub.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { hasLog } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * assert.ok(hasLog(entries))
 * ```
 */
export function hasLog({ deciders }: Pick<Service, 'deciders'>): boolean {
  return deciders.length > 0
}

/** Whether a service stores snapshots of its aggregates. */
export function hasSnapshots({ deciders }: Pick<Service, 'deciders'>): boolean {
  return deciders.some(({ stateVersion }) => stateVersion !== undefined)
}

/**
 * Whether a service has personal data of its own, and so keys.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { hasPersonalData } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * assert.ok(!hasPersonalData(entries))
 * ```
 */
export function hasPersonalData({ deciders }: Pick<Service, 'deciders'>): boolean {
  return deciders.some(({ subject }) => subject !== undefined)
}

/**
 * Whether a service wraps or unwraps keys of subjects: of its own, or of services that it has a grant of.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { needsKeyWrap } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * assert.ok(!needsKeyWrap(entries))
 * ```
 */
export function needsKeyWrap(service: Pick<Service, 'deciders' | 'personal'>): boolean {
  return hasPersonalData(service) || (service.personal?.reads ?? []).length > 0
}

/** Whether a service accepts canaries. */
export function hasCanary({ deciders, views }: Pick<Service, 'deciders' | 'views'>): boolean {
  return deciders.includes(canary) && views.includes(canaryView)
}

/** The names of a service's functions that have no HTTP trigger. */
export interface FunctionNames {
  /** Absent: the service has no log. */
  readonly relay?: string
  /** One for all views of own events, if there are any, and one per hub that other views follow. */
  readonly projections: readonly string[]
  /** One per followed hub, for all reactions to its events. */
  readonly reactions: readonly string[]
  /** The timer of all periodic work. There is one, because each function is scaled and billed separately. */
  readonly periodic: string
}

/** The services whose events a service reacts to, without duplicates. */
export function listFollowedServices(service: Pick<Service, 'reactions' | 'processes'>): readonly string[] {
  return [...new Set(listReactions(service).map((reaction) => reaction.service))]
}

/**
 * The views of the service's own events.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { listOwnViews } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * assert.deepEqual(listOwnViews(entries).map(({ category }) => category), ['entry'])
 * ```
 */
export function listOwnViews({ views }: Pick<Service, 'views'>): readonly AnyOwnView[] {
  return views.filter(isOwnView)
}

/** The views of public events that follow a hub; without one, all of them. */
export function listFollowingViews({ views }: Pick<Service, 'views'>, hub?: string): readonly AnyMultiServiceView[] {
  return views
    .filter((view) => !isOwnView(view))
    .filter(({ sources }) => hub === undefined || sources.some(({ service }) => service === hub))
}

/** The services whose public events the service's views follow, without duplicates. */
export function listViewSources(service: Pick<Service, 'views'>): readonly string[] {
  return [...new Set(listFollowingViews(service).flatMap(({ sources }) => sources.map((source) => source.service)))]
}

/**
 * The function that delivers the events of the service's own hub to its views. Its consumer group has the
 * same name.
 */
export function projectionName(service: string): string {
  return `${service}-views`
}

/**
 * The function that delivers the public events of a hub to the views that follow it. Its consumer group has
 * the same name.
 */
export function followingName(service: string, hub: string): string {
  return `${service}-views-${hub}`
}

/** The function that delivers the events of a hub to the service's reactions. */
export function reactionsName(service: string, hub: string): string {
  return `${service}-reactions-${hub}`
}

/** The consumer group of that function, in each hub the service follows. */
export function reactionsGroup(service: string): string {
  return `${service}-reactions`
}

/** The function that publishes the service's log. */
export function relayName(service: string): string {
  return `${service}-relay`
}

/** Names a service's functions: the same in its app, its topology and its deployment. */
export function functionNames(service: Service): FunctionNames {
  const { name } = service
  return {
    ...(hasLog(service) ? { relay: relayName(name) } : {}),
    projections: [
      ...(listOwnViews(service).length > 0 ? [projectionName(name)] : []),
      ...listViewSources(service).map((hub) => followingName(name, hub)),
    ],
    reactions: listFollowedServices(service).map((hub) => reactionsName(name, hub)),
    periodic: `${name}-periodic`,
  }
}

/**
 * An event of the public contract: the private event the service records, and the public event other services
 * get.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { eventType, type PublicEvent, published } from 'tidemark'
 * import * as z from 'zod'
 *
 * const Lent = eventType('Lent', z.object({ reader: z.string() }))
 * // A private event is published unchanged unless `translate` is given.
 * const isUnchanged = ({ translate }: PublicEvent): boolean => translate === undefined
 * assert.ok(isUnchanged(published(Lent)))
 * ```
 */
export interface PublicEvent {
  readonly privateEvent: EventType
  /** Versioned on its own: its versions belong to the contract, not to the private event. */
  readonly publicEvent: EventType
  /** Makes the public data from the private data. Absent if both are the same declaration. Pure and total. */
  readonly translate?: (data: never) => unknown
}

/**
 * Publishes a private event unchanged.
 * @example
 * ```ts
 * import { eventType, published } from 'tidemark'
 * import * as z from 'zod'
 *
 * const Opened = eventType('Opened', z.object({ title: z.string(), note: z.string() }))
 * const PublicOpened = eventType('Opened', z.object({ title: z.string() }))
 * // Other services get the title. The note stays private.
 * export const publishes = [published(Opened, PublicOpened, ({ title }) => ({ title }))]
 * ```
 */
export function published(type: EventType): PublicEvent
/**
 * Publishes what `translate` makes of a private event. The result is recorded with the event when it is
 * written, so what was published never changes.
 */
export function published<Data, Public>(
  privateEvent: EventType<string, Data>,
  publicEvent: EventType<string, Public>,
  translate: (data: Data) => NoInfer<Public>,
): PublicEvent
export function published(
  privateEvent: EventType,
  publicEvent: EventType = privateEvent,
  translate?: (data: never) => unknown,
): PublicEvent {
  return { privateEvent, publicEvent, ...(translate ? { translate } : {}) }
}

/** The public event of a private event; undefined if it is published unchanged or not in the contract. */
export function toPublicEvent({ publishes }: Pick<Service, 'publishes'>, event: DomainEvent): DomainEvent | undefined {
  const publication = publishes.find(({ privateEvent }) => privateEvent.name === event.type)
  if (publication?.translate === undefined) return undefined
  return { type: publication.publicEvent.name, data: publication.translate(event.data as never) }
}

/**
 * The CloudEvents `source` of a category's events.
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

/**
 * The blob container of a service's archive.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { archiveContainer } from 'tidemark/tools'
 *
 * assert.equal(archiveContainer('entries'), 'archive-entries')
 * ```
 */
export function archiveContainer(service: string): string {
  return `archive-${service}`
}

/** The container of the relay's change feed leases. */
export const LEASES = 'leases'

/** The container of consumer progress, one item per instance. */
export const PROGRESS = 'progress'

/** The container of parked streams and messages. */
export const PARKED = 'parked'

/** The container of scheduled commands. */
export const SCHEDULE = 'schedule'

/** The container of the keys of subjects, one item each. */
export const KEYS = 'keys'

/** The container of aggregate snapshots. */
export const SNAPSHOTS = 'snapshots'

/**
 * How long applied markers live, in hours. A cursor is written after the document. The markers deduplicate
 * the events in between, after a crash or if two instances work at once. An event older than half this time
 * is never applied without reading the cursor first.
 */
export const MARKER_HOURS = 24

/**
 * How long a multi-stream view can be rolled back after a promotion, in hours. If a crash prevented a cursor
 * write, only the applied markers show what was applied.
 */
export const ROLLBACK_HOURS = 12
