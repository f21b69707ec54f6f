import { describeService } from '../core/about.ts'
import type { DataPath } from '../core/data-path.ts'
import { TidemarkError } from '../core/errors.ts'
import type { EventType } from '../core/event.ts'
import type { Operations, ViewSummary } from '../core/operations.ts'
import type {
  Archive,
  Clock,
  EventFeed,
  EventHistory,
  EventPublisher,
  EventStore,
  Ids,
  ItemFeed,
  LogBrowser,
  LogVerifier,
  RebuildStore,
  RelayLag,
  Schedule,
  ScheduleBrowser,
  Snapshots,
  ViewGenerations,
} from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'
import {
  followingName,
  hasCanary,
  hasLog,
  hasPersonalData,
  hasSchedule,
  listFollowedServices,
  listOwnViews,
  listReactions,
  listViewSources,
  projectionName,
  reactionsName,
  relayName,
  type Service,
} from '../core/service.ts'
import { parseCategory } from '../core/stream.ts'
import { NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'
import { type AnyView, describeCategories, findCursorView, isOwnView } from '../core/view.ts'
import { computeViewCode } from '../core/view-code.ts'
import { ArchiveLag, ArchiveWriter } from './archive.ts'
import { ArchiveRunner } from './archive-runner.ts'
import { findStreams, readTrace, tail } from './browse.ts'
import { computeBuild } from './build.ts'
import { newestCanary, sendCanary } from './canary.ts'
import type { Handler } from './consume.ts'
import { documentAt } from './document-at.ts'
import { documentEvents } from './document-events.ts'
import { Follower } from './follow.ts'
import { forgetSubject, lookSubject } from './forget.ts'
import { groupCommit, type HandleCommand } from './group-commit.ts'
import { readHistory, stateAt } from './history.ts'
import { LiveViews } from './live-views.ts'
import { NO_LOG } from './no-log.ts'
import { once, shared } from './once.ts'
import { type KeyPorts, openedLog, openPersonal } from './opened.ts'
import { pagedLog } from './paged-history.ts'
import { actOnParked, chooseParked, listParked } from './parked.ts'
import { ConsumerParking } from './parking.ts'
import { periodicWork } from './periodic.ts'
import { projection } from './project.ts'
import { findDocuments, listDocuments, readDocument } from './query.ts'
import { reaction } from './react.ts'
import { readLog, readSources } from './read-log.ts'
import {
  abandon,
  buildGeneration,
  promote,
  promoteIfEqual,
  type RebuildPort,
  readDiscards,
  rebuildView,
  rollBack,
} from './rebuild.ts'
import { RebuildRunner } from './rebuild-runner.ts'
import { Redrive, redriveAll } from './redrive.ts'
import { Relay, relayHandler } from './relay.ts'
import { type RepublishPort, republish } from './republish.ts'
import { sendDue } from './schedule.ts'
import { coldLoader } from './snapshots.ts'
import { type SourceViewPorts, SourceViews } from './source-views.ts'
import { expiringStates, stateCache } from './state-cache.ts'
import { readStatus, recordStatus, type WatchedConsumer } from './status.ts'
import { verifyPart } from './verification.ts'
import { viewAt } from './view-at.ts'
import { ViewCodes } from './view-codes.ts'
import { describeGenerations } from './views.ts'
import { watchedCommands } from './watch.ts'

/** The time between two signs of life of an instance. Milliseconds. */
const BEAT_MS = 60_000

/** The time between two status recordings. The metrics drop values after three minutes. Milliseconds. */
const STATUS_MS = 60_000

/** The time between two canaries. Milliseconds. */
const CANARY_MS = 60_000

/** The time between two searches for rebuilds of ended processes. Milliseconds. */
const REBUILDS_MS = 60_000

/** The time between two searches for due redrives. Milliseconds. */
const REDRIVE_MS = 30_000

/** The ports of a service. Each is created on first use. */
export interface RuntimePorts extends SourceViewPorts {
  log(): EventStore & EventHistory
  feed(): EventFeed
  /** The archive, and the same log item by item to fill it. Absent: nothing is archived. */
  readonly archive?: () => { readonly segments: Archive; readonly items: ItemFeed }
  snapshots(): Snapshots
  generations(): ViewGenerations
  /** The same log and views for rebuilds, within their budget of request units. Absent: they have none. */
  readonly rebuilding?: () => {
    readonly log: EventStore & EventHistory
    readonly feed: EventFeed
    readonly generations: ViewGenerations
  }
  /** The same log, for operators to browse. */
  browser(): LogBrowser
  verifier(): LogVerifier
  rebuilds(): RebuildStore
  schedule(): Schedule & ScheduleBrowser
  /** The keys of subjects: the service's own, and those it may read. Absent: it has no personal data. */
  readonly keys?: KeyPorts
  publisher(): EventPublisher
  relayLag(): RelayLag
  /** `ready` resolves once `now` is reliable. @throws TidemarkError `unavailable`, `container-missing` */
  readonly clock: Clock & {
    ready(): Promise<void>
    /**
     * How many milliseconds the host's time of day is ahead of the store's. Undefined while the store has
     * never answered.
     */
    readonly skew: number | undefined
  }
  /** Absent: nothing is recorded. */
  readonly telemetry?: Telemetry
  /** Unique to the process. */
  readonly instance: string
  /** Returns a random number from 0 to 1. */
  readonly random: () => number
  readonly ids: Ids
  /** Identifies the code of a view. Absent: `computeViewCode` does. */
  readonly viewCode?: typeof computeViewCode
  /** Repeats a task for as long as the process lives. */
  every(milliseconds: number, task: () => void): void
  /** Logs a line about a problem that fails nothing. */
  warn(line: string): void
}

/** The settings of a running service: see docs/operate.md. */
export interface RuntimeSettings {
  readonly cachedStreams: number
  readonly snapshotEvents: number
  readonly queryWaitMs: number
  readonly schedulePollSeconds: number
  readonly lagCheckSeconds: number
  readonly archiveSeconds: number
  readonly sendsCanaries: boolean
}

/** A service as it runs in one process; its functions call this. */
export interface ServiceRuntime extends DataPath, RebuildPort, RepublishPort, Operations {
  readonly command: HandleCommand
  /** The redrives of the service, one for each consumer. */
  redrives(): Promise<readonly Redrive[]>
}

/** Wires up a service with its ports: those of Azure (compose.ts), or those in memory. */
export function serviceRuntime(service: Service, ports: RuntimePorts, settings: RuntimeSettings): ServiceRuntime {
  const { clock, telemetry = NO_TELEMETRY, instance, random } = ports
  const records = hasLog(service)
  const store = once(() => (records ? ports.log() : NO_LOG))
  const schedule = once(() => ports.schedule())
  const generations = once(() => ports.generations())
  const publisher = once(() => ports.publisher())
  const feed = once(() => (records ? ports.feed() : NO_LOG))
  const cursorsIn = new Map(service.views.map((view) => [view.name, findCursorView(service.views, view)]))
  const views = once(() => new LiveViews(generations(), clock, (name) => cursorsIn.get(name)))
  const personal = openPersonal(service, ports.keys, clock)
  /** Opens the personal texts of an answer. */
  const open = <Value>(value: Promise<Value>): Promise<Value> => value.then((sealed) => personal.open(sealed))
  const openLog = once(() => (hasPersonalData(service) ? openedLog(store(), personal) : store()))
  const personalCategories = new Set(service.deciders.filter(({ subject }) => subject).map(({ category }) => category))
  const cache = expiringStates(
    stateCache(settings.cachedStreams),
    settings.cachedStreams,
    (stream) => personalCategories.has(parseCategory(stream)),
    clock,
  )
  const build = computeBuild(service)
  const eventTypesOf = (category: string): readonly EventType[] =>
    service.deciders.filter((decider) => decider.category === category).flatMap(({ events }) => events)
  const { viewCode = computeViewCode } = ports
  const codes = once(
    () =>
      new ViewCodes(generations(), build, (view) => viewCode(view, isOwnView(view) ? eventTypesOf(view.category) : [])),
  )
  const maxWait = settings.queryWaitMs
  const cold = once(() =>
    coldLoader({
      store: openLog(),
      snapshots: ports.snapshots(),
      personal,
      minEvents: settings.snapshotEvents,
      warn: (line) => ports.warn(line),
    }),
  )
  /** Delays a call until the clock is reliable. */
  const ready =
    <Args extends readonly unknown[], Result>(act: (...args: Args) => Result | Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      await clock.ready()
      return act(...args)
    }
  const commands = once(() => groupCommit({ service, store: openLog(), cache, clock, cold: cold(), personal }))
  const command: HandleCommand = watchedCommands(
    telemetry,
    ready((...args) => commands()(...args)),
  )
  const eventTypes = service.deciders.flatMap((decider) => decider.events)
  const viewHandlers = (): readonly Handler[] =>
    [...Map.groupBy(listOwnViews(service), ({ category }) => category)].map(([category, its]) => {
      const deps = { log: store(), views: views(), eventTypes, clock, codes: codes() }
      // Events from before the view existed are in the log, where a rebuild reads them.
      return { names: its.map(({ name }) => name), category, startsAt: 'now', ...projection(deps, its) }
    })
  const sources = new SourceViews({ service, ports, views, codes, clock })
  const reactionHandlers = (hub: string): readonly Handler[] =>
    listReactions(service)
      .filter((declared) => declared.service === hub)
      .map((declared) => {
        const { name, category, startsAt } = declared
        const deps = {
          service: service.name,
          deciders: service.deciders,
          log: store(),
          schedule: schedule(),
          personal,
          command,
          telemetry,
        }
        return { names: [name], category, startsAt, ...reaction(deps, declared) }
      })
  const lagCheckMs = settings.lagCheckSeconds * 1000
  const openParking = (consumer: string) => {
    const store = ports.parking(consumer)
    return { store, parking: new ConsumerParking({ store, consumer, service: service.name, build, clock }) }
  }
  const createRedrive = (consumer: string, handlers: readonly Handler[]): Redrive =>
    new Redrive({ consumer, ...openParking(consumer), handlers, clock })
  /** Maps the service's consumers: those of its views, and one for the reactions to each hub. */
  const mapConsumers = <Made>(
    make: (consumer: string, hubName: string, handlers: () => readonly Handler[]) => Made,
  ): readonly Made[] => [
    ...(listOwnViews(service).length > 0 ? [make(projectionName(service.name), service.name, viewHandlers)] : []),
    ...listViewSources(service).map((hub) => make(followingName(service.name, hub), hub, () => sources.handlers(hub))),
    ...listFollowedServices(service).map((hub) =>
      make(reactionsName(service.name, hub), hub, () => reactionHandlers(hub)),
    ),
  ]
  /** Ends what was made: nothing is made only to be ended. */
  const ends: (() => Promise<void>)[] = []
  const follower = (consumer: string, hubName: string, handlers: () => readonly Handler[]): (() => Follower) =>
    once(() => {
      const hub = ports.hub(hubName)
      const progress = ports.progress(consumer)
      const { parking } = openParking(consumer)
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
        random,
        lagCheckMs,
        telemetry,
      }
      const follows = new Follower(deps)
      ports.every(BEAT_MS, () => void follows.beat())
      ends.push(() => follows.close())
      return follows
    })
  const projections = follower(projectionName(service.name), service.name, viewHandlers)
  const reactions = new Map(
    listFollowedServices(service).map((hub) => [
      hub,
      follower(reactionsName(service.name, hub), hub, () => reactionHandlers(hub)),
    ]),
  )
  const following = new Map(
    listViewSources(service).map((hub) => [
      hub,
      follower(followingName(service.name, hub), hub, () => sources.handlers(hub)),
    ]),
  )
  const followers = [
    ...(listOwnViews(service).length > 0 ? [projections] : []),
    ...following.values(),
    ...reactions.values(),
  ]
  const relay = once(
    () =>
      new Relay({
        service: service.name,
        publisher: publisher(),
        parking: openParking(relayName(service.name)).parking,
        clock,
        telemetry,
      }),
  )
  const redrives = once(() => [
    ...mapConsumers((consumer, _, handlers) => createRedrive(consumer, handlers())),
    ...(records ? [createRedrive(relayName(service.name), [relayHandler(publisher(), store())])] : []),
  ])
  const about = once(() => describeService(service, build))
  const browser = once(() => (records ? ports.browser() : NO_LOG))
  const verifier = once(() => (records ? ports.verifier() : NO_LOG))
  const unpacedDeps = once(() => ({
    log: store(),
    feed: feed(),
    generations: generations(),
    views: views(),
    declared: service.views,
    progress: ports.progress(projectionName(service.name)),
    parking: ports.parking(projectionName(service.name)),
    eventTypes,
    codes: codes(),
    clock,
    ids: ports.ids,
  }))
  const rebuildDeps = once(() => {
    if (ports.rebuilding === undefined) return unpacedDeps()
    const paced = ports.rebuilding()
    return { ...unpacedDeps(), ...paced, views: new LiveViews(paced.generations, clock, (name) => cursorsIn.get(name)) }
  })
  /** What a rebuild of this view needs. */
  const rebuildDepsOf = (view: AnyView) =>
    isOwnView(view) ? rebuildDeps() : { ...rebuildDeps(), ...sources.rebuildDeps(view) }
  const historyDeps = once(() => ({
    ...unpacedDeps(),
    history: pagedLog(feed()),
    readDiscards: (view: Pick<AnyView, 'name'>) => readDiscards(unpacedDeps(), view),
  }))
  /** What looks at the past of this view. */
  const historyDepsOf = (view: AnyView, readsHubs = true) =>
    isOwnView(view) ? historyDeps() : { ...unpacedDeps(), ...sources.historyDeps(view, readsHubs) }
  const rebuilder: RebuildPort = {
    rebuildView: ready((view, ...args) => rebuildView(rebuildDepsOf(view), view, ...args)),
    build: ready((view, ...args) => buildGeneration(rebuildDepsOf(view), view, ...args)),
    promote: ready((view, ...args) => promote(rebuildDepsOf(view), view, ...args)),
    promoteIfEqual: ready((view, ...args) => promoteIfEqual(rebuildDepsOf(view), view, ...args)),
    abandon: ready((view, ...args) => abandon(rebuildDepsOf(view), view, ...args)),
    rollBack: ready((view, ...args) => rollBack(rebuildDepsOf(view), view, ...args)),
  }
  const rebuilds = once(
    () =>
      new RebuildRunner({
        views: service.views,
        rebuilder,
        store: ports.rebuilds(),
        clock,
        instance,
        warn: (line) => ports.warn(`${service.name}: ${line}`),
      }),
  )
  const summarizeView = async (view: AnyView): Promise<ViewSummary> => {
    const { name, kind, filters } = view
    const category = describeCategories(view)
    const [{ pointer }, rebuild] = await Promise.all([generations().readPointer(name), rebuilds().last(view)])
    return { name, kind, category, filters, ...describeGenerations(pointer), ...(rebuild ? { rebuild } : {}) }
  }
  const archiver = once(() => {
    if (ports.archive === undefined || !records) return undefined
    const { segments, items } = ports.archive()
    const deps = { service: service.name, archive: segments, feed: items, clock, telemetry }
    const intervalSeconds = settings.archiveSeconds
    const warn = (line: string): void => ports.warn(`${service.name}: ${line}`)
    const runner = new ArchiveRunner({ writer: new ArchiveWriter(deps), clock, intervalSeconds, warn })
    ends.push(() => runner.close())
    return { runner, lag: new ArchiveLag(deps, intervalSeconds) }
  })
  const sendsCanaries = settings.sendsCanaries && hasCanary(service)
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
      run: ready((trace: Trace) => follower().checkLag(trace)),
    })),
    {
      every: REDRIVE_MS,
      run: ready((trace: Trace) => redriveAll(redrives(), trace)),
    },
    {
      every: REBUILDS_MS,
      run: ready((trace: Trace) => rebuilds().resume(trace)),
    },
    // How old the newest segment is uses the clock.
    { every: 0, run: ready(() => archiver()?.runner.start()) },
    ...(telemetry.isOn ? [{ every: STATUS_MS, run: async () => recordStatus(telemetry, await status()) }] : []),
    // Last, because it waits for its own effect.
    ...(sendsCanaries
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
  const watched = once(() =>
    mapConsumers(
      (consumer, hubName, handlers): WatchedConsumer => ({
        consumer,
        hubName,
        // A separate reader, because a reader can read a partition only once at a time.
        hub: ports.hub(hubName),
        handlers: handlers().flatMap(({ names }) => names),
        progress: ports.progress(consumer),
      }),
    ),
  )
  const status = shared(async () => {
    await clock.ready()
    const archive = archiver()?.lag
    return readStatus({
      service: service.name,
      build,
      clock,
      ...(records ? { relay: ports.relayLag() } : {}),
      consumers: watched(),
      ...(hasSchedule(service) ? { schedule: schedule() } : {}),
      ...(archive ? { archive } : {}),
      redrives: redrives(),
      ...(sendsCanaries ? { canary: () => newestCanary({ views: views(), clock }) } : {}),
    })
  })
  return {
    command,
    // The times of the next attempts use the clock.
    relay: ready((items, trace) => relay().relay(items, trace)),
    // An event's age decides whether its applied marker still exists.
    project: ready((delivery, trace) => projections().deliver(delivery, trace)),
    async projectFrom(hub, delivery, trace) {
      const follower = following.get(hub)
      if (follower === undefined) throw new TidemarkError('internal', `${service.name} has no view that follows ${hub}`)
      await clock.ready()
      return follower().deliver(delivery, trace)
    },
    async react(hub, delivery, trace) {
      const follower = reactions.get(hub)
      if (follower === undefined) throw new TidemarkError('internal', `${service.name} has no reaction to ${hub}`)
      await clock.ready()
      return follower().deliver(delivery, trace)
    },
    periodSeconds: Math.min(
      settings.lagCheckSeconds,
      settings.archiveSeconds,
      hasSchedule(service) ? settings.schedulePollSeconds : 60,
    ),
    doPeriodicWork,
    async close() {
      await Promise.all(ends.map((end) => end()))
      await telemetry.close()
    },
    status,
    parked: ready((choice) => listParked(redrives(), choice)),
    chooseParked: ready((choice, action) => chooseParked(redrives(), choice, action)),
    actOnParked: (chosen, action, why, trace) => actOnParked(redrives(), chosen, { action, why }, trace),
    document: (view, key, positions) => open(readDocument({ views: views(), clock, maxWait }, view, key, positions)),
    documents: (view, query, positions) =>
      open(listDocuments({ views: views(), clock, maxWait }, view, query, positions)),
    history: (stream, range) => open(readHistory(store(), stream, range)),
    stateAt: (stream, point) => stateAt(openLog(), service.deciders, stream, point),
    ...rebuilder,
    republish: (since, published) => republish({ feed: feed(), publisher: publisher() }, since, published),
    redrives: ready(() => redrives()),
    about,
    streams: (query) => findStreams(browser(), store(), query),
    events: (query) => open(tail(browser(), query)),
    trace: (correlation, limit, continuation) => open(readTrace(browser(), correlation, limit, continuation)),
    views: () => Promise.all(service.views.map(summarizeView)),
    // A page has no room for what would tell which events of a hub were on an earlier one.
    documentEvents: (view, query) => open(documentEvents(historyDepsOf(view, false), view, query)),
    documentAt: (view, query) => open(documentAt(historyDepsOf(view), view, query)),
    viewAt: (view, query) => open(viewAt({ ...historyDepsOf(view), service: service.name }, view, query)),
    readLog: (query) => open(readLog(historyDeps(), query)),
    readSources: (view, query) => open(readSources(historyDepsOf(view), view, query)),
    findDocuments: (view, search) =>
      findDocuments(
        { views: views(), generations: generations(), open: (value) => personal.open(value) },
        view,
        search,
      ),
    rebuild: ready((view, action, by, trace) => rebuilds().start(view, action, by, trace)),
    lookSubject: (subject) => lookSubject({ personal }, subject),
    forgetSubject: ready((subject, why) =>
      forgetSubject({ personal, command, clock, forgetStates: () => cache.clear() }, subject, why),
    ),
    verify: (continuation) => verifyPart({ verifier: verifier(), clock }, continuation),
    scheduled: async (limit, continuation) =>
      hasSchedule(service) ? schedule().list(limit, continuation) : { commands: [] },
  }
}
