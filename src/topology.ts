import { consumerOf } from './core/reaction.ts'
import { HUB_RETENTION_HOURS, POSITIONS, reactionsOf, SCHEDULE, type Service } from './core/service.ts'

/** What the services need to exist, by kind of resource: what Bicep provisions and the local cloud creates. */
export interface Topology {
  readonly databases: readonly {
    readonly name: string
    readonly containers: readonly {
      readonly name: string
      readonly partitionKey: string
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

/** Fixed when a hub is created (outside Premium): as many consumers of one group can share the work at most. */
const PARTITIONS = 8

/** Where the Functions host keeps the checkpoints of Event Hubs triggers. */
const CHECKPOINTS = 'azure-webjobs-eventhub'

/** Derives the topology from the services' declarations. */
export function topologyOf(services: readonly Service[]): Topology {
  return {
    databases: services.map((service) => ({
      name: service.name,
      containers: [
        // The log: read by stream and version alone, so what events say is not indexed.
        { name: 'events', partitionKey: '/stream', excludedPaths: ['/data/*', '/published/*'] },
        { name: 'leases', partitionKey: '/id' },
        ...service.views.map((view) => ({ name: view.name, partitionKey: '/pk', defaultTtl: -1 })),
        // How far its reactions have come: read by their keys alone.
        ...(reactionsOf(service).length > 0
          ? [{ name: POSITIONS, partitionKey: '/pk', excludedPaths: ['/tip/*'] }]
          : []),
        // Commands that wait for their time: read by when that is.
        ...(service.processes
          ? [{ name: SCHEDULE, partitionKey: '/pk', excludedPaths: ['/command/*', '/metadata/*'] }]
          : []),
      ],
    })),
    eventHubs: services.map((service) => ({
      name: service.name,
      partitions: PARTITIONS,
      retentionHours: HUB_RETENTION_HOURS,
      consumerGroups: [
        ...service.views.map((view) => view.name),
        ...services.flatMap((other) =>
          reactionsOf(other)
            .filter((reaction) => reaction.service === service.name)
            .map((reaction) => consumerOf(other.name, reaction)),
        ),
      ],
    })),
    blobContainers: [CHECKPOINTS],
  }
}
