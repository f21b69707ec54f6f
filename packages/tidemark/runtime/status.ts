import { describeError } from '../core/errors.ts'
import type { Clock, HandlerPoints, HubPoint, HubReader, ProgressStore, RelayLag, Schedule } from '../core/ports.ts'
import type {
  ArchiveStatus,
  CanaryStatus,
  ConsumerStatus,
  ParkedStatus,
  PartitionStatus,
  RelayStatus,
  ScheduleStatus,
  ServiceStatus,
} from '../core/status.ts'
import type { Telemetry } from '../core/telemetry.ts'
import { ENDED_AFTER_S, isAhead, mergePoints } from './progress.ts'
import type { Redrive } from './redrive.ts'

/** A consumer whose lag is measured. */
export interface WatchedConsumer {
  readonly consumer: string
  readonly hubName: string
  readonly hub: HubReader
  /** The handlers of this build. */
  readonly handlers: readonly string[]
  readonly progress: ProgressStore
}

export interface StatusDependencies {
  readonly service: string
  readonly build: string
  readonly clock: Pick<Clock, 'now'> & { readonly skew: number | undefined }
  /** Absent: the service has no log. */
  readonly relay?: RelayLag
  readonly consumers: readonly WatchedConsumer[]
  /** Absent: the service schedules no commands. */
  readonly schedule?: Schedule
  /** Absent: the service has no archive. */
  readonly archive?: { read(now: string): Promise<ArchiveStatus> }
  readonly redrives: readonly Redrive[]
  /** Returns when the newest canary in the view was sent. Absent: the service has no canary. */
  readonly canary?: () => Promise<string | undefined>
}

/** Commits are counted up to here; beyond that it is enough to know that there are more. */
const MAX_COUNTED = 100

/**
 * Reads the status of a service. Each part is read independently. If one cannot be read, the others are still
 * returned, and the part and the reason are listed in `unknown`.
 */
export async function readStatus(deps: StatusDependencies): Promise<ServiceStatus> {
  const { service, build, clock } = deps
  const now = clock.now()
  const unknown: { readonly part: string; readonly reason: string }[] = []
  const found = async <Value>(part: string, read: () => Promise<Value>): Promise<Value | undefined> => {
    try {
      return await read()
    } catch (error) {
      unknown.push({ part, reason: describeError(error) })
      return undefined
    }
  }
  const { relay: lag, schedule, archive, canary } = deps
  const [relay, consumers, due, archived, parked, seen] = await Promise.all([
    lag && found('relay', () => relayStatus(lag, now)),
    Promise.all(deps.consumers.map((each) => found(each.consumer, () => consumerStatus(each, now)))),
    schedule && found('schedule', () => scheduleStatus(schedule, now)),
    archive && found('archive', () => archive.read(now)),
    Promise.all(deps.redrives.map((each) => found(`parked of ${each.consumer}`, () => parkedStatus(each)))),
    canary && found('canary', async () => canaryStatus(await canary(), now)),
  ])
  return {
    service,
    build,
    time: now,
    ...(clock.skew === undefined ? {} : { clockSkewMs: Math.round(clock.skew) }),
    ...(relay ? { relay } : {}),
    consumers: consumers.filter((each) => each !== undefined),
    ...(due ? { schedule: due } : {}),
    ...(archived ? { archive: archived } : {}),
    parked: parked.filter((each) => each !== undefined),
    ...(seen ? { canary: seen } : {}),
    unknown,
  }
}

/** Records a status in the metrics. Unknown parts are not recorded. */
export function recordStatus(telemetry: Telemetry, status: ServiceStatus): void {
  const { relay, consumers = [], schedule, archive, parked = [], clockSkewMs } = status
  if (relay) telemetry.record('tidemark.relay.seconds_behind', relay.seconds)
  for (const { consumer, events, seconds } of consumers) {
    telemetry.record('tidemark.consumer.events_behind', events, { 'tidemark.consumer': consumer })
    telemetry.record('tidemark.consumer.seconds_behind', seconds, { 'tidemark.consumer': consumer })
  }
  if (schedule) telemetry.record('tidemark.schedule.overdue_seconds', schedule.seconds)
  if (archive) telemetry.record('tidemark.archive.seconds_behind', archive.seconds)
  for (const { consumer, streams, messages } of parked) {
    telemetry.record('tidemark.parked.streams', streams, { 'tidemark.consumer': consumer })
    telemetry.record('tidemark.parked.messages', messages, { 'tidemark.consumer': consumer })
  }
  if (clockSkewMs !== undefined) telemetry.record('tidemark.clock.skew_ms', clockSkewMs)
}

async function relayStatus(relay: RelayLag, now: string): Promise<RelayStatus> {
  const { commits, more, oldest } = await relay.read(MAX_COUNTED)
  return { commits, more, seconds: oldest === undefined ? 0 : secondsFrom(oldest, now) }
}

async function consumerStatus(watched: WatchedConsumer, now: string): Promise<ConsumerStatus> {
  const { consumer, hubName, hub, handlers, progress } = watched
  const [items, partitions, madeAt] = await Promise.all([progress.read(), hub.partitions(), hub.madeAt()])
  const alive = items.filter(({ age }) => age <= ENDED_AFTER_S)
  const found = await Promise.all(
    partitions.map(async (partition) => {
      const points = items.map((item) => item.partitions.get(partition) ?? new Map<string, HubPoint>())
      return partitionStatus(hub, partition, findHandledPoint(handlers, points, madeAt), now)
    }),
  )
  return {
    consumer,
    hub: hubName,
    events: found.reduce((sum, { events }) => sum + events, 0),
    seconds: Math.max(0, ...found.map(({ seconds }) => seconds)),
    instances: alive.length,
    paused: [...new Set(alive.flatMap(({ paused }) => paused))].toSorted(),
    partitions: found,
  }
}

/**
 * The point up to which all handlers have handled everything, on any instance. Undefined if a handler is not
 * known to have started.
 */
function findHandledPoint(
  handlers: readonly string[],
  instances: readonly HandlerPoints[],
  madeAt: string,
): HubPoint | undefined {
  const known = new Map<string, HubPoint>()
  for (const points of instances) mergePoints(known, points)
  let least: HubPoint | undefined
  for (const handler of handlers) {
    const point = known.get(handler)
    // A recreated hub numbers its messages from the beginning.
    if (point === undefined || point.time < madeAt) return undefined
    if (least === undefined || isAhead(least, point)) least = point
  }
  return least
}

async function partitionStatus(
  hub: HubReader,
  partition: string,
  handled: HubPoint | undefined,
  now: string,
): Promise<PartitionStatus> {
  const { first, last } = await hub.bounds(partition)
  const next = Math.max(first, (handled?.sequence ?? -1) + 1)
  const events = Math.max(0, last - next + 1)
  const seconds = events === 0 ? 0 : await readAge(hub, partition, next, now)
  return { partition, handled: handled?.sequence ?? null, last, events, seconds }
}

async function readAge(hub: HubReader, partition: string, sequence: number, now: string): Promise<number> {
  for await (const [message] of hub.read(partition, sequence, sequence))
    if (message) return secondsFrom(message.time, now)
  // It has expired meanwhile; the next status finds the one after it.
  return 0
}

async function scheduleStatus(schedule: Schedule, now: string): Promise<ScheduleStatus> {
  for await (const [first] of schedule.due(1))
    if (first) return { seconds: secondsFrom(first.due, now), oldest: first.stream }
  return { seconds: 0 }
}

async function parkedStatus(redrive: Redrive): Promise<ParkedStatus> {
  const { consumer, streams, messages } = await redrive.waiting()
  const all = [...streams, ...messages]
  const since = all.map((each) => each.since).toSorted()[0]
  const codes: Record<string, number> = {}
  for (const { code } of all) codes[code] = (codes[code] ?? 0) + 1
  return {
    consumer,
    streams: streams.length,
    messages: messages.length,
    ...(since === undefined ? {} : { since }),
    codes,
  }
}

function canaryStatus(at: string | undefined, now: string): CanaryStatus {
  return at === undefined ? {} : { at, seconds: secondsFrom(at, now) }
}

function secondsFrom(time: string, now: string): number {
  return Math.max(0, Math.round((Date.parse(now) - Date.parse(time)) / 1000))
}
