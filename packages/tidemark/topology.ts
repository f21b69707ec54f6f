import {
  type FunctionNames,
  functionNames,
  hasSchedule,
  hasSnapshots,
  LEASES,
  LOG,
  listFollowedServices,
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
 * What the services need to exist, by kind of resource: what Bicep provisions and the local cloud creates.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Topology, buildTopology } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * // What services may add to, and never change.
 * const appended = ({ databases }: Topology): readonly string[] => {
 *   const containers = databases.flatMap((database) => database.containers)
 *   return containers.filter(({ access }) => access === 'append').map(({ name }) => name)
 * }
 * assert.deepEqual(appended(buildTopology([entries])), ['events'])
 * ```
 */
export interface Topology {
  /**
   * Each is deployed as an app of its own, with an identity that may do what stands here and in `access`, and
   * nothing else.
   */
  readonly services: readonly {
    /** Also the name of its database, and of the one hub that it sends to. */
    readonly name: string
    /** The hubs that it receives from: its own for its views, and those that its reactions follow. */
    readonly receivesFrom: readonly string[]
    /** Its functions that run without being asked over HTTP, by the names they are registered with. */
    readonly functions: FunctionNames
    /**
     * The lists that it serves: the container that each is read from, and the paths of the composite index
     * that it is read by.
     */
    readonly lists: readonly { readonly container: string; readonly index: readonly string[] }[]
  }[]
  readonly databases: readonly {
    readonly name: string
    readonly containers: readonly {
      readonly name: string
      readonly partitionKey: string
      /** What its service may do: `append` is create and read, never replace or delete; `write` is all of it. */
      readonly access: 'append' | 'write'
      /** The only paths that are indexed. Absent: all are, but those of `excludedPaths`. */
      readonly indexedPaths?: readonly string[]
      /** Paths whose value no two items of a partition key may share. They cannot be changed later. */
      readonly uniqueKeys?: readonly string[]
      /** Paths that are not indexed. */
      readonly excludedPaths?: readonly string[]
      /** Seconds; -1: items expire only where they say so themselves. Absent: nothing ever expires. */
      readonly defaultTtl?: number
    }[]
  }[]
  readonly eventHubs: readonly {
    readonly name: string
    readonly partitions: number
    readonly retentionHours: number
    readonly consumerGroups: readonly string[]
  }[]
  readonly blobContainers: readonly string[]
}

/**
 * Fixed when a hub is created (outside Premium): as many consumers of one group can share the work at most.
 * Few, as a laptop wants them: each consumer has a receiver for each. A shape says how many there are in
 * Azure.
 */
const PARTITIONS = 4

/** Where the Functions host keeps the checkpoints of Event Hubs triggers. */
const CHECKPOINTS = 'azure-webjobs-eventhub'

/**
 * Derives the topology from the services' declarations.
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
  return {
    services: services.map((service) => ({
      name: service.name,
      receivesFrom: receivesFrom(service),
      functions: functionNames(service),
      lists: service.views.flatMap(describeLists),
    })),
    databases: services.map((service) => ({
      name: service.name,
      containers: [
        // The log. A stream is read by version, and by a command's key, which has one outcome; `verify` reads
        // it stream by stream.
        {
          name: LOG,
          partitionKey: '/stream',
          access: 'append',
          indexedPaths: ['/stream/?', '/to/?', '/key/?', '/correlation/?'],
          uniqueKeys: ['/key'],
        },
        { name: LEASES, partitionKey: '/id', access: 'write' },
        ...service.views.map((view) => ({
          name: view.name,
          partitionKey: '/pk',
          access: 'write' as const,
          defaultTtl: -1,
        })),
        // How far its consumers have come: read consumer by consumer.
        { name: PROGRESS, partitionKey: '/pk', access: 'write', indexedPaths: ['/pk/?'] },
        // What they cannot process: read consumer by consumer.
        {
          name: PARKED,
          partitionKey: '/pk',
          access: 'write',
          indexedPaths: ['/pk/?', '/kind/?'],
        },
        // Commands that wait for their time: read by when that is.
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
        // Read and written by their keys alone.
        ...(hasSnapshots(service)
          ? [{ name: SNAPSHOTS, partitionKey: '/stream', access: 'write' as const, indexedPaths: [] }]
          : []),
      ],
    })),
    eventHubs: services.map((service) => ({
      name: service.name,
      partitions: PARTITIONS,
      retentionHours: RETENTION_HOURS,
      consumerGroups: [
        ...(service.views.length > 0 ? [projectionName(service.name)] : []),
        ...services
          .filter((other) => listFollowedServices(other).includes(service.name))
          .map(({ name }) => reactionsGroup(name)),
      ],
    })),
    blobContainers: [CHECKPOINTS],
  }
}

/**
 * A list of a view may be filtered by any of its filters, or several: each choice of them is read by an index
 * of its own.
 */
function describeLists({ name, filters }: AnyView): Topology['services'][number]['lists'] {
  return listSubsets(Object.keys(filters)).map((fields) => ({
    container: name,
    index: ['/kind', '/generation', ...fields.map((field) => `/document/${field}`), '/sort'],
  }))
}

function listSubsets([field, ...others]: readonly string[]): readonly (readonly string[])[] {
  if (field === undefined) return [[]]
  const without = listSubsets(others)
  return [...without, ...without.map((choice) => [field, ...choice])]
}

function receivesFrom(service: Service): readonly string[] {
  return [...new Set([...(service.views.length > 0 ? [service.name] : []), ...listFollowedServices(service)])]
}
