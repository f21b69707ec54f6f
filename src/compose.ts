import { randomUUID } from 'node:crypto'
import { cosmosClient } from './adapters/cosmos/client.ts'
import { CosmosEventFeed } from './adapters/cosmos/event-feed.ts'
import { CosmosEventStore } from './adapters/cosmos/event-store.ts'
import { CosmosParking } from './adapters/cosmos/parking.ts'
import { CosmosProgress } from './adapters/cosmos/progress.ts'
import { CosmosRelayLag } from './adapters/cosmos/relay-lag.ts'
import { CosmosSchedule } from './adapters/cosmos/schedule.ts'
import { CosmosSnapshots } from './adapters/cosmos/snapshots.ts'
import { type HostClock, StoreClock, storeTime } from './adapters/cosmos/store-clock.ts'
import { CosmosViewGenerations } from './adapters/cosmos/view-generations.ts'
import { EventHubsPublisher, eventHubProducer } from './adapters/eventhubs/publisher.ts'
import { EventHubsReader, eventHubConsumer } from './adapters/eventhubs/reader.ts'
import type { CommandPort } from './adapters/functions/commands.ts'
import type { OperationsPort } from './adapters/functions/operations.ts'
import type { QueryPort } from './adapters/functions/queries.ts'
import type { RegisteredService } from './adapters/functions/register.ts'
import { openTelemetry } from './adapters/opentelemetry/load.ts'
import { TidemarkError } from './core/errors.ts'
import type { EventType } from './core/event.ts'
import { canonicalHash } from './core/hash-chain.ts'
import type { Trace } from './core/reaction.ts'
import {
  followedBy,
  hasCanary,
  hasSchedule,
  MARK_HOURS,
  PARKED,
  PROGRESS,
  projectionName,
  reactionsName,
  reactionsOf,
  relayName,
  SCHEDULE,
  type Service,
  SNAPSHOTS,
} from './core/service.ts'
import { NO_TELEMETRY } from './core/telemetry.ts'
import { cursorsOf } from './core/view.ts'
import { newestCanary, sendCanary } from './flow/canary.ts'
import type { Handler } from './flow/consume.ts'
import { Follower } from './flow/follow.ts'
import { groupCommit, type HandleCommand } from './flow/group-commit.ts'
import { readHistory, stateAt } from './flow/history.ts'
import { LiveViews } from './flow/live-views.ts'
import { actOnParked, chooseParked, parkedOf } from './flow/parked.ts'
import { ConsumerParking } from './flow/parking.ts'
import { periodicWork } from './flow/periodic.ts'
import { projection } from './flow/project.ts'
import { listDocuments, readDocument } from './flow/query.ts'
import { reaction } from './flow/react.ts'
import { Redrive, redriveAll } from './flow/redrive.ts'
import { Relay, relayHandler } from './flow/relay.ts'
import { goBack, type ReplayPort, replay } from './flow/replay.ts'
import { type RepublishPort, republish } from './flow/republish.ts'
import { sendDue } from './flow/schedule.ts'
import { coldLoader } from './flow/snapshots.ts'
import { stateCache } from './flow/state-cache.ts'
import { readStatus, recordStatus, type WatchedConsumer } from './flow/status.ts'
import { watchedCommands } from './flow/watch.ts'
import { type Environment, readSettings } from './settings/read.ts'

const hostClock: HostClock = {
  time: () => Date.now(),
  elapsed: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}

/** How often an instance says that it lives. Milliseconds. */
const BEAT_MS = 60_000

/** How often the metrics are told how the service does: they forget it after three minutes. Milliseconds. */
const STATUS_MS = 60_000

/** How often a canary is sent. Milliseconds. */
const CANARY_MS = 60_000

/** How often what waits is looked at, whether it is due. Milliseconds. */
const REDRIVE_MS = 30_000

/** A service with everything it runs on: what its functions call. */
export type Composed = CommandPort & QueryPort & RegisteredService & OperationsPort & ReplayPort & RepublishPort

/**
 * Wires a service to Cosmos DB and Event Hubs: the only reader of the environment. Clients are made once per instance, and connect when
 * they are first used.
 * @throws TidemarkError `setting-invalid`, one line for all that is wrong.
 */
export function compose(service: Service, environment: Environment = process.env): Composed {
  const settings = readSettings(environment)
  const instance = randomUUID()
  const warn = (line: string): void => console.warn(line)
  const telemetry = settings.otlp
    ? openTelemetry(settings.otlp, { service: service.name, instance, warn })
    : NO_TELEMETRY
  const database = once(() => cosmosClient(settings.cosmos).database(service.name))
  const store = once(() => new CosmosEventStore(database().container('events'), telemetry))
  const feed = once(() => new CosmosEventFeed(database().container('events')))
  // One for all that the instance does; its log is what it always has.
  const clock = new StoreClock(
    () => storeTime(database().container('events')),
    hostClock,
    (line) => console.warn(`${service.name}: ${line}`),
  )
  // A view is behind its log anyway: who does not say how far it must have come reads it at half the price.
  const relaxed = once(() => cosmosClient(settings.cosmos, 'Session').database(service.name))
  const generations = once(
    () => new CosmosViewGenerations({ exact: database(), relaxed: relaxed() }, MARK_HOURS * 3600),
  )
  const views = once(() => new LiveViews(generations(), clock, (name) => cursorsIn.get(name)))
  const cursorsIn = new Map(service.views.map((view) => [view.name, cursorsOf(service.views, view)]))
  const publisher = once(() => new EventHubsPublisher(eventHubProducer(settings.eventHubs, service.name), telemetry))
  const cache = stateCache(settings.cachedStreams)
  const maxWait = settings.queryWaitMs
  const cold = once(() =>
    coldLoader({
      store: store(),
      // Whatever a snapshot says, the log proves it.
      snapshots: new CosmosSnapshots(relaxed().container(SNAPSHOTS)),
      minEvents: settings.snapshotEvents,
      warn: console.warn,
    }),
  )
  const commands = once(() => groupCommit({ service, store: store(), cache, clock, cold: cold() }))
  const command: HandleCommand = watchedCommands(telemetry, async (...args) => {
    await clock.ready()
    return commands()(...args)
  })
  const schedule = once(() => new CosmosSchedule(database().container(SCHEDULE)))
  const eventTypes = service.deciders.flatMap((decider) => decider.events)
  const viewHandlers = (): readonly Handler[] =>
    [...Map.groupBy(service.views, ({ category }) => category)].map(([category, its]) => {
      const deps = { log: store(), views: views(), eventTypes, clock }
      // What came before a view was there is in the log: a rebuild reads it from there.
      return { names: its.map(({ name }) => name), category, startsAt: 'now', ...projection(deps, its) }
    })
  const reactionHandlers = (hub: string): readonly Handler[] =>
    reactionsOf(service)
      .filter((declared) => declared.service === hub)
      .map((declared) => {
        const { name, category, startsAt } = declared
        const deps = {
          service: service.name,
          deciders: service.deciders,
          log: store(),
          schedule: schedule(),
          command,
          telemetry,
        }
        return { names: [name], category, startsAt, ...reaction(deps, declared) }
      })
  const build = buildOf(service)
  const lagCheckMs = settings.lagCheckSeconds * 1000
  const parkingOf = (consumer: string) => {
    const store = new CosmosParking(database().container(PARKED), consumer)
    return { store, parking: new ConsumerParking({ store, consumer, service: service.name, build, clock }) }
  }
  const redriveOf = (consumer: string, handlers: readonly Handler[], { store, parking } = parkingOf(consumer)) =>
    new Redrive({ consumer, store, parking, handlers, clock })
  const made: Follower[] = []
  const follower = (consumer: string, hubName: string, handlers: () => readonly Handler[]): (() => Follower) =>
    once(() => {
      const hub = new EventHubsReader(eventHubConsumer(settings.eventHubs, hubName))
      const progress = new CosmosProgress(database().container(PROGRESS), consumer)
      const { parking } = parkingOf(consumer)
      const deps = {
        consumer,
        hubName,
        hub,
        handlers: handlers(),
        progress,
        parking,
        instance,
        build,
        clock,
        random: Math.random,
        lagCheckMs,
        telemetry,
      }
      const follows = new Follower(deps)
      setInterval(() => void follows.beat(), BEAT_MS).unref()
      made.push(follows)
      return follows
    })
  const projections = follower(projectionName(service.name), service.name, viewHandlers)
  const reactions = new Map(
    followedBy(service).map((hub) => [
      hub,
      follower(reactionsName(service.name, hub), hub, () => reactionHandlers(hub)),
    ]),
  )
  const followers = [...(service.views.length > 0 ? [projections] : []), ...reactions.values()]
  const relay = once(
    () =>
      new Relay({
        service: service.name,
        publisher: publisher(),
        parking: parkingOf(relayName(service.name)).parking,
        clock,
        telemetry,
      }),
  )
  const redrives = once(() => [
    ...(service.views.length > 0 ? [redriveOf(projectionName(service.name), viewHandlers())] : []),
    ...followedBy(service).map((hub) => redriveOf(reactionsName(service.name, hub), reactionHandlers(hub))),
    redriveOf(relayName(service.name), [relayHandler(publisher(), store())]),
  ])
  const doPeriodicWork = periodicWork(clock, [
    ...(hasSchedule(service)
      ? [
          {
            every: 0,
            run: (trace: Trace) => sendDue({ schedule: schedule(), deciders: service.deciders, command }, trace),
          },
        ]
      : []),
    ...followers.map((follower) => ({
      every: lagCheckMs,
      run: async (trace: Trace) => {
        await clock.ready()
        return follower().checkLag(trace)
      },
    })),
    {
      every: REDRIVE_MS,
      run: async (trace: Trace) => {
        await clock.ready()
        return redriveAll(redrives(), trace)
      },
    },
    ...(telemetry.isOn ? [{ every: STATUS_MS, run: async () => recordStatus(telemetry, await status()) }] : []),
    // The last: it waits for its own effect.
    ...(settings.sendsCanaries && hasCanary(service)
      ? [
          {
            every: CANARY_MS,
            run: async (trace: Trace) => {
              const seconds = await sendCanary({ command, views: views(), clock })
              telemetry.record('tidemark.canary.seconds', seconds)
              trace(`the canary of ${service.name} was seen after ${seconds.toFixed(3)} s`, 'info')
            },
          },
        ]
      : []),
  ])
  const watched = once(() => [
    ...(service.views.length > 0 ? [watch(projectionName(service.name), service.name, viewHandlers())] : []),
    ...followedBy(service).map((hub) => watch(reactionsName(service.name, hub), hub, reactionHandlers(hub))),
  ])
  const watch = (consumer: string, hubName: string, handlers: readonly Handler[]): WatchedConsumer => ({
    consumer,
    hubName,
    // A reader of its own: one reading of a partition at a time is all that a reader can do.
    hub: new EventHubsReader(eventHubConsumer(settings.eventHubs, hubName)),
    handlers: handlers.flatMap(({ names }) => names),
    progress: new CosmosProgress(database().container(PROGRESS), consumer),
  })
  const status = shared(async () => {
    await clock.ready()
    return readStatus({
      service: service.name,
      build,
      clock,
      relay: new CosmosRelayLag(database().container('events'), database().container('leases')),
      consumers: watched(),
      ...(hasSchedule(service) ? { schedule: schedule() } : {}),
      redrives: redrives(),
      ...(settings.sendsCanaries && hasCanary(service)
        ? { canary: () => newestCanary({ views: views(), clock }) }
        : {}),
    })
  })
  const replayDeps = once(() => ({
    log: store(),
    feed: feed(),
    generations: generations(),
    views: views(),
    declared: service.views,
    progress: new CosmosProgress(database().container(PROGRESS), projectionName(service.name)),
    parking: parkingOf(projectionName(service.name)).store,
    eventTypes,
    clock,
    ids: randomUUID,
  }))

  return {
    name: service.name,
    declaration: service,
    ids: randomUUID,
    actorSource: settings.actorSource,
    telemetry,
    relayPollDelay: settings.relayPollMs,
    command,
    relay: (items, trace) => relay().relay(items, trace),
    project: async (delivery, trace) => {
      // How old an event is decides whether marks tell of it.
      await clock.ready()
      return projections().deliver(delivery, trace)
    },
    react(hub, delivery, trace) {
      const follower = reactions.get(hub)
      if (follower === undefined) throw new TidemarkError('internal', `${service.name} has no reaction to ${hub}`)
      return follower().deliver(delivery, trace)
    },
    periodSeconds: Math.min(settings.lagCheckSeconds, hasSchedule(service) ? settings.schedulePollSeconds : 60),
    doPeriodicWork,
    async close() {
      await Promise.all(made.map((follower) => follower.close()))
      await telemetry.close()
    },
    document: (view, key, position) => readDocument({ views: views(), clock, maxWait }, view, key, position),
    documents: (view, query, position) => listDocuments({ views: views(), clock, maxWait }, view, query, position),
    history: (stream, range) => readHistory(store(), stream, range),
    stateAt: (stream, point) => stateAt(store(), service.deciders, stream, point),
    replay: async (view, watch) => {
      await clock.ready()
      return replay(replayDeps(), view, watch)
    },
    republish: (since, published) => republish({ feed: feed(), publisher: publisher() }, since, published),
    ready: async () => {
      await storeTime(database().container('events'))
    },
    status,
    parked: async (choice) => {
      await clock.ready()
      return parkedOf(redrives(), choice)
    },
    chooseParked: async (choice, action) => {
      await clock.ready()
      return chooseParked(redrives(), choice, action)
    },
    actOnParked: (...args) => actOnParked(redrives(), ...args),
    goBack: async (view, watch) => {
      await clock.ready()
      return goBack(replayDeps(), view, watch)
    },
  }
}

/** Tells apart what knows other handlers or other events. */
function buildOf(service: Service): string {
  const events = service.deciders.flatMap(({ events }) => events)
  const followed = reactionsOf(service).flatMap(({ name, events }) => [name, ...events.map(versionOf)])
  return canonicalHash([events.map(versionOf), service.views.map(({ name }) => name), followed]).slice(0, 12)
}

function versionOf({ name, version }: EventType): string {
  return `${name}.v${version}`
}

function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Who asks while it is being found out gets the same answer. */
function shared<Value>(find: () => Promise<Value>): () => Promise<Value> {
  let finding: Promise<Value> | undefined
  return () => {
    finding ??= find().finally(() => {
      finding = undefined
    })
    return finding
  }
}
