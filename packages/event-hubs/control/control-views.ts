import { formatHealth } from '../../kit/control/control-methods.ts'
import type { Answer } from '../../kit/control/control-problem.ts'
import { Faults } from '../faults/faults.ts'
import type { LogInfo } from '../log/partition-log.ts'
import type { Hub } from '../namespace/hub.ts'
import type { Namespace } from '../namespace/namespace.ts'
import type { NamespaceServer } from '../service/namespace-server.ts'

// The answers of the control endpoint.

/** Reports whether every namespace serves. */
export function checkHealth(servers: readonly NamespaceServer[]): Answer {
  const reasons = servers.flatMap(({ listening, namespace }) => [
    ...(listening ? [] : [`namespace ${namespace.name} accepts no connections`]),
    ...[...namespace.hubs.values()].flatMap(({ failures }) =>
      failures.map((why) => `namespace ${namespace.name}: ${why}`),
    ),
  ])
  return formatHealth(reasons)
}

export function describeNamespace({ namespace, address, connections }: NamespaceServer): unknown {
  return {
    name: namespace.name,
    address,
    connections,
    ...(namespace.throttle && { throughputUnits: namespace.throttle.units }),
    hubs: [...namespace.hubs.values()].map(({ name }) => name),
  }
}

/** The sequence numbers and the offset of an empty partition are -1, as in the real service. */
export function describeHub(hub: Hub): unknown {
  return {
    name: hub.name,
    createdAt: hub.createdAt.toISOString(),
    consumerGroups: hub.consumerGroups,
    ...hub.retention,
    partitions: hub.partitions.map(({ info }, id) => describePartition(info, id)),
  }
}

function describePartition({ lastOffset, lastTime, ...info }: LogInfo, id: number): unknown {
  return {
    id: String(id),
    ...info,
    lastOffset: String(lastOffset),
    lastTime: info.lastSequence < 0 ? null : new Date(lastTime).toISOString(),
  }
}

export function describeFaults({ name, faults }: Namespace): unknown {
  return { name, settings: faults === Faults.none ? null : faults.settings, counts: faults.counts }
}
