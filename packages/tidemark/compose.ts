import { randomBytes, randomUUID } from 'node:crypto'
import type { CommandPort } from './azure-functions/commands.ts'
import type { OperationsPort } from './azure-functions/operations.ts'
import type { QueryPort } from './azure-functions/queries.ts'
import type { RegisteredService } from './azure-functions/register.ts'
import { BlobArchive } from './blobs/archive.ts'
import {
  archiveContainer,
  functionNames,
  hasLog,
  KEYS,
  LEASES,
  LOG,
  MARKER_HOURS,
  needsKeyWrap,
  PARKED,
  PROGRESS,
  SCHEDULE,
  type Service,
  SNAPSHOTS,
} from './core/service.ts'
import { NO_TELEMETRY } from './core/telemetry.ts'
import { cosmosClient } from './cosmos/client.ts'
import { CosmosEventFeed } from './cosmos/event-feed.ts'
import { CosmosEventStore } from './cosmos/event-store.ts'
import { CosmosItemFeed } from './cosmos/item-feed.ts'
import { CosmosItemWriter } from './cosmos/item-writer.ts'
import { CosmosKeys } from './cosmos/keys.ts'
import { CosmosLogBrowser } from './cosmos/log-browser.ts'
import { CosmosLogVerifier } from './cosmos/log-verifier.ts'
import { CosmosParking } from './cosmos/parking.ts'
import { CosmosProgress } from './cosmos/progress.ts'
import { CosmosRebuilds } from './cosmos/rebuilds.ts'
import { CosmosRelayLag } from './cosmos/relay-lag.ts'
import { CosmosRelayLeases } from './cosmos/relay-leases.ts'
import { RequestBudget } from './cosmos/request-budget.ts'
import { CosmosSchedule } from './cosmos/schedule.ts'
import { CosmosSnapshots } from './cosmos/snapshots.ts'
import { type HostClock, StoreClock, storeTime } from './cosmos/store-clock.ts'
import { CosmosViewGenerations } from './cosmos/view-generations.ts'
import { EVENT_BYTES } from './event-hubs/limits.ts'
import { EventHubsPublisher, eventHubProducer } from './event-hubs/publisher.ts'
import { EventHubsReader, eventHubConsumer } from './event-hubs/reader.ts'
import { openKeyWrap } from './key-wrap/open.ts'
import { openTelemetry } from './opentelemetry/load.ts'
import { once } from './runtime/once.ts'
import type { RebuildPort } from './runtime/rebuild.ts'
import type { RepublishPort } from './runtime/republish.ts'
import { planRestore, type RestorePort, restore } from './runtime/restore.ts'
import { type RuntimePorts, serviceRuntime } from './runtime/service-runtime.ts'
import { type Environment, readSettings, requireKeyWrap } from './settings/read.ts'

const hostClock: HostClock = {
  time: () => Date.now(),
  elapsed: () => performance.now(),
  wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
}

/** A service with all its connections, as its functions call it. */
export type Composed = CommandPort &
  QueryPort &
  RegisteredService &
  OperationsPort &
  RebuildPort &
  RepublishPort &
  RestorePort

/**
 * Connects a service to Cosmos DB, Event Hubs and its archive. Only this function reads the environment. Clients are
 * created once per instance and connect when first used.
 * @throws TidemarkError `setting-invalid`: one line with everything that is wrong.
 * @example
 * ```ts
 * import { compose } from 'tidemark/azure-functions'
 * import { entries } from './entries.ts'
 *
 * const service = compose(entries)
 * await service.close()
 * ```
 */
export function compose(service: Service, environment: Environment = process.env): Composed {
  const settings = readSettings(environment)
  const instance = randomUUID()
  const warn = (line: string): void => console.warn(line)
  const telemetry = settings.otlp
    ? openTelemetry(settings.otlp, { service: service.name, instance, warn })
    : NO_TELEMETRY
  const ends: (() => Promise<void> | void)[] = []
  const openDatabase = (client: ReturnType<typeof cosmosClient>, name = service.name) => {
    ends.push(() => client.dispose())
    return client.database(name)
  }
  const closing = <Client extends { close(): Promise<void> }>(client: Client): Client => {
    ends.push(() => client.close())
    return client
  }
  // Not in the list of ends: whoever looks at the past of a view opens readers, and closes them.
  const readers = new Set<EventHubsReader>()
  ends.push(async () => {
    await Promise.all([...readers].map((reader) => reader.close()))
  })
  const database = once(() => openDatabase(cosmosClient(settings.cosmos)))
  // A view is behind its log anyway, so reads without a position use weaker consistency at half the price.
  const relaxed = once(() => openDatabase(cosmosClient(settings.cosmos, { consistency: 'Session' })))
  // One clock per instance. It reads the store's time from a container that the service has in any case.
  const timed = hasLog(service) ? LOG : PROGRESS
  const clock = new StoreClock(
    () => storeTime(database().container(timed)),
    hostClock,
    (line) => warn(`${service.name}: ${line}`),
  )
  const perSecond = settings.rebuildRequestUnits
  const budget = perSecond === undefined ? undefined : new RequestBudget(perSecond, hostClock)
  // Clients of their own for rebuilds, so that commands and projections never wait for the budget.
  const paced = once(() => openDatabase(cosmosClient(settings.cosmos, { budget })))
  const pacedRelaxed = once(() => openDatabase(cosmosClient(settings.cosmos, { consistency: 'Session', budget })))
  const keyWrap = needsKeyWrap(service) ? requireKeyWrap(settings, service.name) : undefined
  // Keys of another service are in its own database.
  const keysOf = (owner: string) =>
    (owner === service.name ? database() : openDatabase(cosmosClient(settings.cosmos), owner)).container(KEYS)
  const openArchive = (source: string) => new BlobArchive(settings.archive, archiveContainer(source))
  const archive = once(() => ({
    segments: openArchive(service.name),
    items: new CosmosItemFeed(database().container(LOG)),
  }))
  const ports: RuntimePorts = {
    ...(keyWrap === undefined
      ? {}
      : {
          keys: {
            of: (owner) => ({ items: new CosmosKeys(keysOf(owner)), wrap: openKeyWrap(keyWrap, owner) }),
            random: () => randomBytes(32),
          },
        }),
    log: () => new CosmosEventStore(database().container(LOG), telemetry, EVENT_BYTES),
    feed: () => new CosmosEventFeed(database().container(LOG)),
    archive: () => archive(),
    sourceArchive: openArchive,
    // A snapshot may be stale: it is checked against the log.
    snapshots: () => new CosmosSnapshots(relaxed().container(SNAPSHOTS)),
    generations: () => new CosmosViewGenerations({ exact: database(), relaxed: relaxed() }, MARKER_HOURS * 3600),
    ...(budget === undefined
      ? {}
      : {
          rebuilding: () => ({
            log: new CosmosEventStore(paced().container(LOG), telemetry, EVENT_BYTES),
            feed: new CosmosEventFeed(paced().container(LOG)),
            generations: new CosmosViewGenerations(
              { exact: paced(), relaxed: pacedRelaxed() },
              MARKER_HOURS * 3600,
              perSecond,
            ),
          }),
        }),
    browser: () => new CosmosLogBrowser(relaxed().container(LOG)),
    verifier: () => new CosmosLogVerifier(database().container(LOG)),
    rebuilds: () => new CosmosRebuilds(database()),
    schedule: () => new CosmosSchedule(database().container(SCHEDULE)),
    progress: (consumer) => new CosmosProgress(database().container(PROGRESS), consumer),
    parking: (consumer) => new CosmosParking(database().container(PARKED), consumer),
    publisher: () => new EventHubsPublisher(closing(eventHubProducer(settings.eventHubs, service.name)), telemetry),
    hub(name) {
      const client = eventHubConsumer(settings.eventHubs, name)
      const reader = new EventHubsReader(client, () => readers.delete(reader))
      readers.add(reader)
      return reader
    },
    relayLag: () => new CosmosRelayLag(database().container(LOG), database().container(LEASES)),
    clock,
    telemetry,
    instance,
    random: Math.random,
    ids: randomUUID,
    every: (milliseconds, task) => void setInterval(task, milliseconds).unref(),
    warn,
  }
  const runtime = serviceRuntime(service, ports, settings)
  // Each function that reads a hub is a consumer of the same name.
  const { projections, reactions } = functionNames(service)
  const restoring = once(() => ({
    service: service.name,
    archive: archive().segments,
    feed: archive().items,
    items: new CosmosItemWriter(database().container(LOG)),
    leases: new CosmosRelayLeases(database().container(LEASES)),
    progress: () => [...projections, ...reactions].map((consumer) => ports.progress(consumer)),
    hub: () => ports.hub(service.name),
  }))
  return {
    ...runtime,
    planRestore: (...args) => planRestore(restoring(), ...args),
    restore: (...args) => restore(restoring(), ...args),
    async close() {
      try {
        await runtime.close()
      } finally {
        // Otherwise the clients' timers keep a script from ending.
        await Promise.all(ends.map((end) => end()))
      }
    },
    name: service.name,
    declaration: service,
    ids: randomUUID,
    actorSource: settings.actorSource,
    relayPollDelay: settings.relayPollMs,
    telemetry,
    ready: async () => {
      await storeTime(database().container(timed))
    },
  }
}
