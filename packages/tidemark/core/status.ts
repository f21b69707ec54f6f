/** How far a consumer is behind in one partition of a hub. */
export interface PartitionStatus {
  readonly partition: string
  /** The number of the newest message that every handler has handled; null where none is known. */
  readonly handled: number | null
  /** The number of the newest message that the partition ever had; -1 where it never had one. */
  readonly last: number
  /** How many messages wait: those that the hub still has. */
  readonly events: number
  /** How long the oldest of them has waited; 0 where none does. */
  readonly seconds: number
}

/**
 * A function that handles the messages of one hub: that of a service's views, or of its reactions.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ConsumerStatus } from 'tidemark/tools'
 *
 * // Messages wait, and nobody is there who would take them.
 * const isAbandoned = ({ events, instances }: ConsumerStatus): boolean => events > 0 && instances === 0
 * const views = { consumer: 'entries-views', hub: 'entries', paused: [], partitions: [] }
 * assert.ok(isAbandoned({ ...views, events: 12, seconds: 300, instances: 0 }))
 * assert.ok(!isAbandoned({ ...views, events: 12, seconds: 1, instances: 2 }))
 * ```
 */
export interface ConsumerStatus {
  readonly consumer: string
  readonly hub: string
  /** Of all partitions together. */
  readonly events: number
  /** Of the partition that is furthest behind. */
  readonly seconds: number
  /** How many instances have said within the last minutes that they live. */
  readonly instances: number
  /** Handlers that have paused, since too many streams failed: of any instance. */
  readonly paused: readonly string[]
  readonly partitions: readonly PartitionStatus[]
}

/** How far the relay is behind its log. */
export interface RelayStatus {
  /** Commits that are not published yet; at most as many as were counted. */
  readonly commits: number
  /** Whether there are more than were counted. */
  readonly more: boolean
  /** How long the oldest of them has waited; 0 where none does. */
  readonly seconds: number
}

/** The scheduled commands whose time has come. */
export interface ScheduleStatus {
  /** How long the oldest of them is overdue; 0 where none is. */
  readonly seconds: number
  /** The stream that it is for. */
  readonly oldest?: string
}

/** What waits for a consumer since it cannot be processed. */
export interface ParkedStatus {
  readonly consumer: string
  readonly streams: number
  readonly messages: number
  /** When the oldest began to wait: RFC 3339, UTC, milliseconds. */
  readonly since?: string
  /** How many there are of each error code. */
  readonly codes: Readonly<Record<string, number>>
}

/** The newest canary that was seen in its view. */
export interface CanaryStatus {
  /** When its command was sent: RFC 3339, UTC, milliseconds. Absent: none was ever seen. */
  readonly at?: string
  /** How long ago that is. */
  readonly seconds?: number
}

/**
 * How a service does. What could not be found out is absent, and `unknown` says why.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ServiceStatus } from 'tidemark/tools'
 *
 * // A part that is absent is not a part that does well.
 * const relayLag = ({ relay }: ServiceStatus): string => (relay ? `${relay.seconds} s` : 'unknown')
 * const status = { service: 'entries', build: '4f1c', time: '2026-03-01T06:00:00.000Z', unknown: [] }
 * assert.equal(relayLag({ ...status, relay: { commits: 3, more: false, seconds: 2 } }), '2 s')
 * assert.equal(relayLag({ ...status, unknown: [{ part: 'relay', reason: 'no answer' }] }), 'unknown')
 * ```
 */
export interface ServiceStatus {
  readonly service: string
  /** Tells builds apart that know other handlers or other events. */
  readonly build: string
  /** By the store's clock: RFC 3339, UTC, milliseconds. */
  readonly time: string
  /** By how many milliseconds this host's clock is ahead of the store's. */
  readonly clockSkewMs?: number
  readonly relay?: RelayStatus
  readonly consumers?: readonly ConsumerStatus[]
  readonly schedule?: ScheduleStatus
  readonly parked?: readonly ParkedStatus[]
  readonly canary?: CanaryStatus
  /** Parts that could not be found out, each with the reason. */
  readonly unknown: readonly { readonly part: string; readonly reason: string }[]
}

/** Seconds from which on a lag is worth a look. */
const BEHIND_S = 60
/** A canary is sent every minute: three of them are missing. */
const SILENT_S = 180
/** Hosts that keep their clocks by NTP are much closer. */
const SKEWED_MS = 5_000

/** What somebody should look at, a sentence each; none where all is well. */
export function listConcerns(status: ServiceStatus): readonly string[] {
  const { relay, consumers = [], schedule, parked = [], canary, clockSkewMs = 0, unknown } = status
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
