import { randomUUID } from 'node:crypto'
import { cosmosClient } from './adapters/cosmos/client.ts'
import { CosmosEventFeed } from './adapters/cosmos/event-feed.ts'
import { CosmosEventStore } from './adapters/cosmos/event-store.ts'
import { CosmosPositions } from './adapters/cosmos/positions.ts'
import { CosmosSchedule } from './adapters/cosmos/schedule.ts'
import { CosmosSnapshots } from './adapters/cosmos/snapshots.ts'
import { type HostClock, StoreClock, storeTime } from './adapters/cosmos/store-clock.ts'
import { CosmosViewGenerations } from './adapters/cosmos/view-generations.ts'
import { EventHubsPublisher, eventHubProducer } from './adapters/eventhubs/publisher.ts'
import type { CommandPort } from './adapters/functions/commands.ts'
import type { QueryPort } from './adapters/functions/queries.ts'
import type { RegisteredService } from './adapters/functions/register.ts'
import { commitsOf } from './core/commit.ts'
import { TidemarkError } from './core/errors.ts'
import { type AnyReaction, consumerOf } from './core/reaction.ts'
import { followedBy, MARK_HOURS, POSITIONS, reactionsOf, SCHEDULE, type Service, SNAPSHOTS } from './core/service.ts'
import { consumer, type Handler } from './flow/consume.ts'
import { groupCommit, type HandleCommand } from './flow/group-commit.ts'
import { readHistory, stateAt } from './flow/history.ts'
import { LiveViews } from './flow/live-views.ts'
import { projection } from './flow/project.ts'
import { listDocuments, readDocument } from './flow/query.ts'
import { reaction } from './flow/react.ts'
import { relay } from './flow/relay.ts'
import { goBack, type ReplayPort, replay } from './flow/replay.ts'
import { sendDue } from './flow/schedule.ts'
import { coldLoader } from './flow/snapshots.ts'
import { stateCache } from './flow/state-cache.ts'
import { type Environment, readSettings } from './settings/read.ts'

const hostClock: HostClock = {
  time: () => Date.now(),
  elapsed: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}

/** A service with everything it runs on: what its functions call. */
export type Composed = CommandPort & QueryPort & RegisteredService & ReplayPort

/**
 * Wires a service to Cosmos DB and Event Hubs: the only reader of the environment. Clients are made once per instance, and connect when
 * they are first used.
 * @throws TidemarkError `setting-invalid`, one line for all that is wrong.
 */
export function compose(service: Service, environment: Environment = process.env): Composed {
  const settings = readSettings(environment)
  const database = once(() => cosmosClient(settings.cosmos).database(service.name))
  const store = once(() => new CosmosEventStore(database().container('events')))
  // One for all that the instance does; its log is what it always has.
  const clock = new StoreClock(() => storeTime(database().container('events')), hostClock)
  // The log is read as consistently as the account has it; a view is behind its log anyway, and says how far.
  const viewDatabase = once(() => cosmosClient(settings.cosmos, 'Session').database(service.name))
  const generations = once(
    () => new CosmosViewGenerations({ views: viewDatabase(), pointers: database() }, MARK_HOURS * 3600),
  )
  const views = once(() => new LiveViews(generations(), clock))
  const publisher = once(() => new EventHubsPublisher(eventHubProducer(settings.eventHubs, service.name)))
  const cache = stateCache(settings.cachedStreams)
  const maxWait = settings.queryWaitMs
  const cold = once(() =>
    coldLoader({
      store: store(),
      // Whatever a snapshot says, the log proves it.
      snapshots: new CosmosSnapshots(viewDatabase().container(SNAPSHOTS)),
      minEvents: settings.snapshotEvents,
      warn: console.warn,
    }),
  )
  const commands = once(() => groupCommit({ service, store: store(), cache, clock, cold: cold() }))
  const command: HandleCommand = async (...args) => {
    await clock.ready()
    return commands()(...args)
  }
  const schedule = once(() => new CosmosSchedule(database().container(SCHEDULE)))
  const eventTypes = service.deciders.flatMap((decider) => decider.events)
  const project = once(() =>
    consumer(
      service.views.map((view): Handler => {
        const handle = projection({ log: store(), views: views(), eventTypes }, view)
        return { name: view.name, category: view.category, handle }
      }),
    ),
  )
  const handlerOf = (declared: AnyReaction): Handler => {
    const positions = new CosmosPositions(database().container(POSITIONS), consumerOf(service.name, declared))
    const { name, deciders } = service
    const deps = { service: name, deciders, log: store(), positions, schedule: schedule(), command }
    return { name: declared.name, category: declared.category, handle: reaction(deps, declared) }
  }
  const reactions = new Map(
    followedBy(service).map((hub) => {
      const declared = reactionsOf(service).filter((each) => each.service === hub)
      return [hub, once(() => consumer(declared.map(handlerOf)))]
    }),
  )
  const replayDeps = once(() => ({
    log: store(),
    feed: new CosmosEventFeed(database().container('events')),
    generations: generations(),
    eventTypes,
    clock,
    ids: randomUUID,
  }))

  return {
    name: service.name,
    declaration: service,
    ids: randomUUID,
    actorSource: settings.actorSource,
    relayPollDelay: settings.relayPollMs,
    command,
    relay: (items) => relay(publisher(), commitsOf(items)),
    project: (messages, trace) => project()(messages, trace),
    react(hub, messages, trace) {
      const react = reactions.get(hub)
      if (react === undefined) throw new TidemarkError('internal', `${service.name} has no reaction to ${hub}`)
      return react()(messages, trace)
    },
    schedulePollSeconds: settings.schedulePollSeconds,
    sendDue: (trace) => sendDue({ schedule: schedule(), deciders: service.deciders, command }, trace),
    document: (view, key, position) => readDocument({ views: views(), clock, maxWait }, view, key, position),
    documents: (view, query, position) => listDocuments({ views: views(), clock, maxWait }, view, query, position),
    history: (stream, range) => readHistory(store(), stream, range),
    stateAt: (stream, point) => stateAt(store(), service.deciders, stream, point),
    replay: async (view, watch) => {
      await clock.ready()
      return replay(replayDeps(), view, watch)
    },
    goBack: async (view, watch) => {
      await clock.ready()
      return goBack(replayDeps(), view, watch)
    },
  }
}

function once<Value>(make: () => Value): () => Value {
  let made: Value | undefined
  return () => {
    made ??= make()
    return made
  }
}
