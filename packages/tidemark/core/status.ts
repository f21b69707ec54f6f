/** How far a consumer is behind in one partition of a hub. */
export interface PartitionStatus {
  readonly partition: string
  /** The sequence number of the newest message that every handler has handled; null if unknown. */
  readonly handled: number | null
  /** The sequence number of the newest message the partition ever had; -1 if it never had one. */
  readonly last: number
  /** How many messages are not handled yet, of those the hub still has. */
  readonly events: number
  /** How long the oldest of them has waited, in seconds; 0 if there are none. */
  readonly seconds: number
}

/**
 * A function that handles the messages of one hub, for a service's views or for its reactions.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ConsumerStatus } from 'tidemark/tools'
 *
 * // Messages wait, and no instance is running.
 * const isAbandoned = ({ events, instances }: ConsumerStatus): boolean => events > 0 && instances === 0
 * const views = { consumer: 'entries-views', hub: 'entries', paused: [], partitions: [] }
 * assert.ok(isAbandoned({ ...views, events: 12, seconds: 300, instances: 0 }))
 * assert.ok(!isAbandoned({ ...views, events: 12, seconds: 1, instances: 2 }))
 * ```
 */
export interface ConsumerStatus {
  readonly consumer: string
  readonly hub: string
  /** In all partitions. */
  readonly events: number
  /** The lag of the partition that is furthest behind, in seconds. */
  readonly seconds: number
  /** How many instances reported progress within the last minutes. */
  readonly instances: number
  /** Handlers that some instance has paused because too many of their streams failed. */
  readonly paused: readonly string[]
  readonly partitions: readonly PartitionStatus[]
}

/** How far the relay is behind its log. */
export interface RelayStatus {
  /** Commits that are not published yet; counted up to a limit. */
  readonly commits: number
  /** Whether there are more than the limit. */
  readonly more: boolean
  /** How long the oldest of them has waited, in seconds; 0 if there are none. */
  readonly seconds: number
}

/** The scheduled commands that are due. */
export interface ScheduleStatus {
  /** How long the oldest of them is overdue, in seconds; 0 if none is. */
  readonly seconds: number
  /** The stream of the oldest. */
  readonly oldest?: string
}

/** How far the archive is behind the log. */
export interface ArchiveStatus {
  /** The number of segments. */
  readonly segments: number
  /** When the newest archived item was written: RFC 3339, UTC. Absent: there is no segment. */
  readonly newest?: string
  /** Items that are not archived yet, counted up to a limit. */
  readonly items: number
  /** Whether there may be more than were counted. */
  readonly more: boolean
  /** How long the oldest of them has waited, in seconds; 0 if there are none. */
  readonly seconds: number
  /** How often new items are archived, in seconds. */
  readonly intervalSeconds: number
}

/** What is parked for a consumer because it cannot be processed. */
export interface ParkedStatus {
  readonly consumer: string
  readonly streams: number
  readonly messages: number
  /** When the oldest was parked: RFC 3339, UTC, milliseconds. */
  readonly since?: string
  /** How many are parked for each error code. */
  readonly codes: Readonly<Record<string, number>>
}

/** The newest canary that reached its view. */
export interface CanaryStatus {
  /** When its command was sent: RFC 3339, UTC, milliseconds. Absent: no canary ever arrived. */
  readonly at?: string
  /** How many seconds ago that was. */
  readonly seconds?: number
}

/**
 * The status of a service. A part that could not be read is absent, and `unknown` has the reason.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ServiceStatus } from 'tidemark/tools'
 *
 * // An absent part is unknown, not healthy.
 * const relayLag = ({ relay }: ServiceStatus): string => (relay ? `${relay.seconds} s` : 'unknown')
 * const status = { service: 'entries', build: '4f1c', time: '2026-03-01T06:00:00.000Z', unknown: [] }
 * assert.equal(relayLag({ ...status, relay: { commits: 3, more: false, seconds: 2 } }), '2 s')
 * assert.equal(relayLag({ ...status, unknown: [{ part: 'relay', reason: 'no answer' }] }), 'unknown')
 * ```
 */
export interface ServiceStatus {
  readonly service: string
  /** Identifies the build, by its handlers and events. */
  readonly build: string
  /** By the store's clock: RFC 3339, UTC, milliseconds. */
  readonly time: string
  /** How far this host's clock is ahead of the store's, in milliseconds. */
  readonly clockSkewMs?: number
  readonly relay?: RelayStatus
  readonly consumers?: readonly ConsumerStatus[]
  readonly schedule?: ScheduleStatus
  readonly archive?: ArchiveStatus
  readonly parked?: readonly ParkedStatus[]
  readonly canary?: CanaryStatus
  /** The parts that could not be read, each with the reason. */
  readonly unknown: readonly { readonly part: string; readonly reason: string }[]
}

/** A lag above this many seconds is a concern. */
const BEHIND_S = 60
/** An archive is behind after this many of its intervals: one was missed, or did not reach the end. */
const MISSED_INTERVALS = 3
/** A canary is sent every minute, so three are missing. */
const SILENT_S = 180
/** Hosts that use NTP stay well below this. */
const SKEWED_MS = 5_000

/** What needs an operator's attention, one sentence each; empty if all is well. */
export function listConcerns(status: ServiceStatus): readonly string[] {
  const { relay, consumers = [], schedule, archive, parked = [], canary, clockSkewMs = 0, unknown } = status
  return [
    ...unknown.map(({ part, reason }) => `${part}: ${reason}`),
    ...(relay && relay.seconds > BEHIND_S
      ? [`the relay is ${relay.seconds} s behind: ${formatCount(relay)} commits are not published`]
      : []),
    ...consumers
      .filter(({ seconds }) => seconds > BEHIND_S)
      .map(({ consumer, hub, events, seconds }) => `${consumer} is ${seconds} s and ${events} events behind in ${hub}`),
    ...consumers
      .filter(({ paused }) => paused.length > 0)
      .map(({ consumer, paused }) => `${consumer}: ${paused.join(', ')} paused after too many failures`),
    ...(schedule && schedule.seconds > BEHIND_S
      ? [`a scheduled command to ${schedule.oldest} is ${schedule.seconds} s overdue`]
      : []),
    ...(archive && archive.seconds > BEHIND_S + MISSED_INTERVALS * archive.intervalSeconds
      ? [`the archive is ${archive.seconds} s behind: ${formatItems(archive)} are not archived`]
      : []),
    ...parked
      .filter(({ streams, messages }) => streams + messages > 0)
      .map(({ consumer, streams, messages }) => `${consumer}: ${streams} streams and ${messages} messages are parked`),
    ...(canary && (canary.seconds ?? Infinity) > SILENT_S
      ? [canary.at === undefined ? 'no canary was ever seen' : `the last canary was seen ${canary.seconds} s ago`]
      : []),
    ...(Math.abs(clockSkewMs) > SKEWED_MS ? [`this host's clock differs from the store's by ${clockSkewMs} ms`] : []),
  ]
}

function formatCount({ commits, more }: RelayStatus): string {
  return more ? `more than ${commits}` : `${commits}`
}

function formatItems({ items, more }: ArchiveStatus): string {
  return more ? `more than ${items} items` : `${items} items`
}
