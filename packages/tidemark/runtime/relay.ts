import { parseCommit, type RecordedCommit, readCommitPosition } from '../core/commit.ts'
import { failureClass, isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import { hashFits } from '../core/hash-chain.ts'
import type { EventHistory, EventPublisher } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import { formatPosition } from '../core/stream.ts'
import { listTraceparents, NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'
import type { Handler } from './consume.ts'
import { forEachLimited } from './limited.ts'
import type { ConsumerParking } from './parking.ts'
import { timed } from './watch.ts'

const STREAM_CONCURRENCY = 32
const PAGE = 200

/** The relay's handler name in the dead-letter store. */
export const RELAY = 'relay'

/** How long another instance may use its cached list of parked streams. Milliseconds. */
const KNOWN_MS = 2_000
const KNOWN_FOR_SURE_MS = 500

interface RelayDependencies {
  /** The service that owns the log. */
  readonly service: string
  readonly publisher: EventPublisher
  readonly parking: ConsumerParking
  readonly clock: { elapsed(): number; wait(milliseconds: number): Promise<void> }
  /** Absent: nothing is recorded. */
  readonly telemetry?: Telemetry
}

/**
 * The transactional outbox: publishes the commits in the log's change feed. The events of one stream are
 * published in order, each send awaited; streams are published concurrently. An event may be published twice,
 * because the feed delivers at least once. But it is never published before an earlier event of its stream. A
 * transient failure is thrown, so that the trigger redelivers the whole batch. An event that does not match
 * its hash is parked before the feed advances, and no later event of its stream is published. An item that is
 * not a commit is parked alone.
 */
export class Relay {
  readonly #deps: RelayDependencies
  #readAt = Number.NEGATIVE_INFINITY

  constructor(deps: RelayDependencies) {
    this.#deps = deps
  }

  /** @param items from the change feed of the log's container. */
  relay(items: readonly unknown[], trace: Trace): Promise<void> {
    const { telemetry = NO_TELEMETRY } = this.#deps
    return timed(telemetry, 'tidemark.relay.batch.duration', {}, () => this.#relay(items, trace))
  }

  async #relay(items: readonly unknown[], trace: Trace): Promise<void> {
    const { parking, clock } = this.#deps
    if (clock.elapsed() - this.#readAt >= KNOWN_MS) {
      parking.forget()
      this.#readAt = clock.elapsed()
    }
    const commits: RecordedCommit[] = []
    const damaged = new Map<string, Unpublishable>()
    for (const item of items)
      try {
        const commit = parseCommit(item)
        if (commit) commits.push(commit)
      } catch (cause) {
        if (!isTidemarkError(cause, 'event-unreadable')) throw cause
        const place = readCommitPosition(item)
        if (place === undefined) await this.#parkForeign(item, cause, trace)
        else if (place.version < (damaged.get(place.stream)?.version ?? Number.POSITIVE_INFINITY))
          damaged.set(place.stream, { version: place.version, type: '', cause })
      }
    // Commits of one append share their place in the feed, so only the version orders them.
    const events = commits.sort((a, b) => a.from - b.from).flatMap((commit) => commit.events)
    const { service, telemetry = NO_TELEMETRY } = this.#deps
    const links = telemetry.isOn ? listTraceparents(events) : []
    const attributes = { 'messaging.batch.message_count': events.length }
    const isParked = await telemetry.span(`relay ${service}`, { kind: 'internal', links, attributes }, (span) =>
      this.#publish(events, damaged, span.traceparent, trace),
    )
    // Waits until every other instance has dropped a list of parked streams that it read before this one was
    // parked.
    if (isParked) await clock.wait(KNOWN_MS + KNOWN_FOR_SURE_MS)
  }

  /** @returns whether a stream was parked. */
  async #publish(
    events: readonly RecordedEvent[],
    damaged: ReadonlyMap<string, Unpublishable>,
    batch: string | undefined,
    trace: Trace,
  ): Promise<boolean> {
    const { parking, publisher } = this.#deps
    const byStream = Map.groupBy(events, ({ stream }) => stream)
    let isParked = false
    await forEachLimited(new Set([...byStream.keys(), ...damaged.keys()]), STREAM_CONCURRENCY, async (stream) => {
      const its = byStream.get(stream) ?? []
      const bad = damaged.get(stream)
      const last = Math.max(its.at(-1)?.version ?? 0, bad?.version ?? 0)
      if (await parking.wait({ handler: RELAY, stream }, last)) return
      const unpublishable = await publishSound(publisher, stream, its, { bad, batch })
      if (unpublishable === undefined) return
      await parking.note({ handler: RELAY, stream, ...unpublishable }, undefined, trace)
      isParked = true
    })
    return isParked
  }

  #parkForeign(item: unknown, cause: unknown, trace: Trace): Promise<void> {
    const { stream } = (item ?? {}) as { readonly stream?: unknown }
    const place = { hub: `${this.#deps.service} (its log)`, partition: String(stream) }
    return this.#deps.parking.keepMessage(place, item, cause, trace)
  }
}

/** The first event of a stream that cannot be published. */
interface Unpublishable {
  readonly version: number
  readonly type: string
  readonly cause: unknown
}

/** The handler that redrives the relay's parked streams, from the log. */
export function relayHandler(publisher: EventPublisher, log: EventHistory): Handler {
  return {
    names: [RELAY],
    category: '',
    startsAt: 'first',
    handle: async () => {},
    async catchUp(stream, from, _, leavesOut) {
      for (let after = from - 1; ; ) {
        let events: readonly RecordedEvent[]
        try {
          events = await log.readRange(stream, { direction: 'forward', after, limit: PAGE })
        } catch (cause) {
          return [{ handler: RELAY, stream, version: after + 1, type: '', cause }]
        }
        const last = events.at(-1)
        if (last === undefined) return []
        const kept = events.filter(({ version }) => !leavesOut(RELAY, version))
        const unpublishable = await publishSound(publisher, stream, kept)
        if (unpublishable) return [{ handler: RELAY, stream, ...unpublishable }]
        after = last.version
      }
    },
    async newest(stream) {
      const [last] = await log.readRange(stream, { direction: 'backward', limit: 1 })
      return last?.version ?? 0
    },
  }
}

/**
 * Publishes a stream's events up to the first that does not match its hash or is known to be damaged.
 * @param bad the event that is known to be damaged.
 * @param batch the traceparent of the batch.
 * @returns that event.
 */
async function publishSound(
  publisher: EventPublisher,
  stream: string,
  events: readonly RecordedEvent[],
  { bad, batch }: { readonly bad?: Unpublishable | undefined; readonly batch?: string | undefined } = {},
): Promise<Unpublishable | undefined> {
  const before = events.filter(({ version }) => bad === undefined || version < bad.version)
  const broken = before.findIndex((event) => !hashFits(event))
  const sound = broken === -1 ? before : before.slice(0, broken)
  const event = before[broken]
  try {
    if (sound.length > 0) await publisher.publish(stream, sound, batch)
  } catch (cause) {
    const [first] = sound
    // An event that is too large, for example. Only the hub knows which one it is.
    if (first && isTidemarkError(cause) && failureClass(cause.code) === 'permanent')
      return { version: first.version, type: first.type, cause }
    throw cause
  }
  return event ? { version: event.version, type: event.type, cause: mismatch(event) } : bad
}

function mismatch(event: RecordedEvent): TidemarkError {
  return new TidemarkError(
    'hash-mismatch',
    `${formatPosition(event)} does not match its hash, in the log too: see npm run verify`,
  )
}

/**
 * Publishes commits without parking: an event that does not match its hash stops it.
 * @param commits in the order of their streams' versions.
 * @throws TidemarkError `hash-mismatch`
 */
export async function publishCommits(publisher: EventPublisher, commits: readonly RecordedCommit[]): Promise<void> {
  const events = commits.flatMap((commit) => commit.events)
  for (const event of events) if (!hashFits(event)) throw mismatch(event)
  await forEachLimited(
    Map.groupBy(events, ({ stream }) => stream),
    STREAM_CONCURRENCY,
    ([stream, itsEvents]) => publisher.publish(stream, itsEvents),
  )
}
