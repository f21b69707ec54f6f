import type { AnyDecider } from './decider.ts'
import type { EventType } from './event.ts'
import type { AnyReaction } from './reaction.ts'
import type { AnyView } from './view.ts'

/** The declaration of a microservice: all that the topology, the composition and the functions derive from. */
export interface Service {
  /** Lower-case letters, digits, dashes: the names of its database and of its event hub. */
  readonly name: string
  readonly deciders: readonly AnyDecider[]
  /** The public contract: the events that other services may rely on. The relay publishes every event all the same. */
  readonly publishes: readonly EventType[]
  readonly views: readonly AnyView[]
  /** What it does about the events of other services. */
  readonly reactions: readonly AnyReaction[]
}

/** CloudEvents' source of the events of a service's category. */
export function sourceOf(service: string, category: string): string {
  return `/${service}/${category}`
}

/**
 * How long a hub keeps its events, in hours: the longest that Event Hubs' Standard tier offers. What tells an event that was applied
 * from one that was not must be kept as long, since that far a consumer can be rewound.
 * https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas
 */
export const HUB_RETENTION_HOURS = 168

/** The container in which a service's reactions keep how far they have come. */
export const POSITIONS = 'positions'

/**
 * How long after a swap the generation of a view that was live before can be gone back to, in hours. Where a crash kept it from noting how far a
 * stream had come, the marks of the events alone tell what was applied: they outlive the hub's events by so much and a day for catching up.
 */
export const BACK_HOURS = 48
export const MARK_HOURS = HUB_RETENTION_HOURS + BACK_HOURS + 24
