import { TidemarkError } from './core/errors.ts'
import { listIndexes } from './core/list.ts'
import {
  archiveContainer,
  type FunctionNames,
  followingName,
  functionNames,
  hasLog,
  hasPersonalData,
  hasSchedule,
  hasSnapshots,
  KEYS,
  LEASES,
  LOG,
  listFollowedServices,
  listOwnViews,
  listViewSources,
  PARKED,
  PROGRESS,
  projectionName,
  reactionsGroup,
  SCHEDULE,
  type Service,
  SNAPSHOTS,
} from './core/service.ts'
import type { AnyView } from './core/view.ts'
import { RETENTION_HOURS } from './event-hubs/limits.ts'

/**
 * The resources that services need, by kind. Bicep provisions them in Azure, and the local cloud creates
 * them.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Topology, buildTopology } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * // Containers that services may add to but never change.
 * const appended = ({ databases }: Topology): readonly string[] => {
 *   const containers = databases.flatMap((database) => database.containers)
 *   return containers.filter(({ access }) => access === 'append').map(({ name }) => name)
 * }
 * assert.deepEqual(appended(buildTopology([entries])), ['events'])
 * ```
 */
export interface Topology {
  /**
   * The services. Each is deployed as a separate app. Its identity has only the rights listed here and in
   * `access`.
   */
  readonly services: readonly {
    /** Also the name of its database and of the only hub it sends to, if it has a log. */
    readonly name: string
    /** Whether it has a log, and so a hub and an archive. */
    readonly hasLog: boolean
    /** The hubs it receives from: its own for its views, and those its views and reactions follow. */
    readonly receivesFrom: readonly string[]
    /** The services whose archives it reads, because its views follow them. */
    readonly readsArchivesOf: readonly string[]
    /** Its functions without an HTTP trigger, by their registered names. */
    readonly functions: FunctionNames
    /** The lists it serves: the container of each, and the paths of its composite index. */
    readonly lists: readonly { readonly container: string; readonly index: readonly string[] }[]
    /** The services whose keys of subjects it may read, besides its own. Absent: none. */
    readonly readsKeysOf?: readonly string[]
  }[]
  readonly databases: readonly {
    readonly name: string
    readonly containers: readonly {
      readonly name: string
      readonly partitionKey: string
      /**
       * The service's rights: `append` is create and read, never replace or delete; `replace` is also to replace,
       * never to delete; `write` is everything.
       */
      readonly access: 'append' | 'replace' | 'write'
      /** The only indexed paths. Absent: all except `excludedPaths`. */
      readonly indexedPaths?: readonly string[]
      /** Paths whose values must be unique within a partition key. They cannot be changed later. */
      readonly uniqueKeys?: readonly string[]
      /** Paths that are not indexed. */
      readonly excludedPaths?: readonly string[]
      /** Seconds; -1: only items with their own time to live expire. Absent: nothing ever expires. */
      readonly defaultTtl?: number
    }[]
  }[]
  readonly eventHubs: readonly {
    readonly name: string
    readonly partitions: number
    readonly retentionHours: number
    readonly consumerGroups: readonly string[]
  }[]
  /** The checkpoints of each service's host, and the archive of each service that has a log. */
  readonly blobContainers: readonly string[]
}

/**
 * The number of partitions of a hub, fixed when it is created (except in Premium). It limits how many
 * consumers of a group share the work. It is low for a laptop, where each consumer has a receiver per
 * partition. In Azure the shape sets the number.
 */
const PARTITIONS = 4

/**
 * The log. Reads a stream by version or by command key; a key has one outcome. `verify` reads it stream by stream.
 * And the leases of its change feed.
 */
const logContainers: Topology['databases'][number]['containers'] = [
  {
    name: LOG,
    partitionKey: '/stream',
    access: 'append',
    indexedPaths: ['/stream/?', '/to/?', '/key/?', '/correlation/?'],
    uniqueKeys: ['/key'],
  },
  { name: LEASES, partitionKey: '/id', access: 'write' },
]

/** The container for the checkpoints of Event Hubs triggers, named by the Functions host. */
const CHECKPOINTS = 'azure-webjobs-eventhub'

/**
 * Derives the topology from the services' declarations.
 * @throws TidemarkError `registration-invalid` if a grant of personal data is not declared by both services.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { buildTopology } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * assert.deepEqual(
 *   buildTopology([entries]).eventHubs.map(({ name }) => name),
 *   ['entries'],
 * )
 * ```
 */
export function buildTopology(services: readonly Service[]): Topology {
  checkGrants(services)
  return {
    services: services.map((service) => ({
      name: service.name,
      hasLog: hasLog(service),
      receivesFrom: receivesFrom(service),
      readsArchivesOf: listViewSources(service),
      functions: functionNames(service),
      lists: service.views.flatMap(describeLists),
      ...(service.personal?.reads?.length ? { readsKeysOf: service.personal.reads } : {}),
    })),
    databases: services.map((service) => ({
      name: service.name,
      containers: [
        ...(hasLog(service) ? logContainers : []),
        ...service.views.map((view) => ({
          name: view.name,
          partitionKey: '/pk',
          access: 'write' as const,
          defaultTtl: -1,
        })),
        // Consumer progress, read per consumer.
        { name: PROGRESS, partitionKey: '/pk', access: 'write', indexedPaths: ['/pk/?'] },
        // Parked streams and messages, read per consumer.
        {
          name: PARKED,
          partitionKey: '/pk',
          access: 'write',
          indexedPaths: ['/pk/?', '/kind/?'],
        },
        // Scheduled commands, read by due time.
        ...(hasSchedule(service)
          ? [
              {
                name: SCHEDULE,
                partitionKey: '/pk',
                access: 'write' as const,
                excludedPaths: ['/command/*', '/metadata/*'],
              },
            ]
          : []),
        // Keys of subjects, read and written by id only. One that is deleted would look as if it never was, so it
        // is replaced instead.
        ...(hasPersonalData(service)
          ? [{ name: KEYS, partitionKey: '/id', access: 'replace' as const, indexedPaths: [] }]
          : []),
        // Snapshots, read and written by key only.
        ...(hasSnapshots(service)
          ? [{ name: SNAPSHOTS, partitionKey: '/stream', access: 'write' as const, indexedPaths: [] }]
          : []),
      ],
    })),
    eventHubs: services.filter(hasLog).map((service) => ({
      name: service.name,
      partitions: PARTITIONS,
      retentionHours: RETENTION_HOURS,
      consumerGroups: [
        ...(listOwnViews(service).length > 0 ? [projectionName(service.name)] : []),
        ...services
          .filter((other) => listViewSources(other).includes(service.name))
          .map(({ name }) => followingName(name, service.name)),
        ...services
          .filter((other) => listFollowedServices(other).includes(service.name))
          .map(({ name }) => reactionsGroup(name)),
      ],
    })),
    blobContainers: [CHECKPOINTS, ...services.filter(hasLog).map(({ name }) => archiveContainer(name))],
  }
}

/** @throws TidemarkError `registration-invalid` */
function checkGrants(services: readonly Service[]): void {
  const refuse = (why: string): never => {
    throw new TidemarkError('registration-invalid', why)
  }
  const find = (name: string): Service | undefined => services.find((service) => service.name === name)
  for (const { name, personal } of services) {
    for (const owner of personal?.reads ?? []) {
      const declared = find(owner)
      if (declared === undefined || !hasPersonalData(declared))
        refuse(`${name} reads personal data of ${owner}, which has none`)
      if (!declared?.personal?.readers?.includes(name))
        refuse(`${name} reads personal data of ${owner}: list ${name} in personal.readers of ${owner}`)
    }
    for (const reader of personal?.readers ?? [])
      if (!find(reader)?.personal?.reads?.includes(name))
        refuse(`${name} lets ${reader} read its personal data: list ${name} in personal.reads of ${reader}`)
  }
}

function describeLists(view: AnyView): Topology['services'][number]['lists'] {
  return listIndexes(view).map((index) => ({ container: view.name, index }))
}

function receivesFrom(service: Service): readonly string[] {
  const own = listOwnViews(service).length > 0 ? [service.name] : []
  return [...new Set([...own, ...listViewSources(service), ...listFollowedServices(service)])]
}
