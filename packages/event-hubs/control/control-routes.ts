import { answerBy, type Methods, noPath, ok } from '../../kit/control/control-methods.ts'
import { type Answer, Problem } from '../../kit/control/control-problem.ts'
import type { ControlRequest } from '../../kit/control/control-requests.ts'
import { checkMembers } from '../../kit/settings-check.ts'
import { readFaultSettings } from '../faults/fault-settings.ts'
import { Faults } from '../faults/faults.ts'
import type { Hub } from '../namespace/hub.ts'
import { HubConflict } from '../namespace/hub-metadata.ts'
import type { NamespaceServer } from '../service/namespace-server.ts'
import { checkGroupName, readHubProperties } from '../settings/hub-settings.ts'
import { checkHealth, describeFaults, describeHub, describeNamespace } from './control-views.ts'

/**
 * Answers a request to the control endpoint.
 * @throws Problem, InvalidSettings
 */
export async function answer(servers: readonly NamespaceServer[], request: ControlRequest): Promise<Answer> {
  try {
    return await answerBy(selectMethods(servers, request), request.method)
  } catch (error) {
    if (error instanceof HubConflict) throw new Problem(409, error.message)
    throw error
  }
}

function selectMethods(servers: readonly NamespaceServer[], { segments, body }: ControlRequest): Methods {
  const [first, namespaceName, collection, hubName, , groupName] = segments
  const path = segments.map((segment, index) => (index % 2 === 1 && first === 'namespaces' ? '*' : segment)).join('/')
  switch (path) {
    case 'health':
      return { GET: () => checkHealth(servers) }
    case 'faults':
      return buildFaultMethods(servers, body)
    case 'namespaces':
      return { GET: () => ok({ namespaces: servers.map(describeNamespace) }) }
  }
  if (first !== 'namespaces' || namespaceName === undefined || collection === undefined) throw noPath()
  const server = findServer(servers, namespaceName)
  const { namespace } = server
  switch (path) {
    case 'namespaces/*/faults':
      return buildFaultMethods([server], body)
    case 'namespaces/*/hubs':
      return { GET: () => ok({ hubs: [...namespace.hubs.values()].map(describeHub) }) }
    case 'namespaces/*/hubs/*':
      return {
        GET: () => ok(describeHub(findHub(server, hubName))),
        PUT: async () => {
          const created = await namespace.putHub(readHubProperties(hubName ?? '', body))
          return { status: created ? 201 : 200, body: describeHub(findHub(server, hubName)) }
        },
      }
    case 'namespaces/*/hubs/*/expire':
      return {
        POST: async () => {
          const hub = findHub(server, hubName)
          await hub.expire()
          return ok(describeHub(hub))
        },
      }
    case 'namespaces/*/hubs/*/consumergroups/*':
      return {
        PUT: async () => {
          if (body !== undefined) checkMembers(body, '', [])
          const hub = findHub(server, hubName)
          const created = await namespace.putGroup(hub, checkGroupName(groupName, ''))
          return { status: created ? 201 : 200, body: describeHub(hub) }
        },
      }
  }
  throw noPath()
}

/** Each namespace gets its own random sequence of faults. */
function buildFaultMethods(servers: readonly NamespaceServer[], body: unknown): Methods {
  const describeAll = (): Answer => ok({ namespaces: servers.map(({ namespace }) => describeFaults(namespace)) })
  return {
    GET: describeAll,
    PUT: () => {
      const settings = readFaultSettings(body)
      for (const { namespace } of servers) namespace.faults = new Faults(settings)
      return describeAll()
    },
    DELETE: () => {
      for (const { namespace } of servers) namespace.faults = Faults.none
      return describeAll()
    },
  }
}

function findServer(servers: readonly NamespaceServer[], name: string): NamespaceServer {
  const server = servers.find(({ namespace }) => namespace.name.toLowerCase() === name.toLowerCase())
  if (!server) throw new Problem(404, `there is no namespace ${JSON.stringify(name)}`)
  return server
}

function findHub({ namespace }: NamespaceServer, name = ''): Hub {
  const hub = namespace.hubs.get(name.toLowerCase())
  if (!hub) throw new Problem(404, `there is no hub ${JSON.stringify(name)} in namespace ${namespace.name}`)
  return hub
}
