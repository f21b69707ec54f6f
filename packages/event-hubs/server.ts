import { eventHubsConnection } from '../kit/connection-strings.ts'
import { announceControl, withdrawControl } from '../kit/control/control-file.ts'
import { startControl } from '../kit/control/control-server.ts'
import { lockFolder } from '../kit/data-lock.ts'
import { eventHubsKey } from '../kit/emulator-keys.ts'
import type { Running } from '../kit/lifecycle.ts'
import { answer } from './control/control-routes.ts'
import { openNamespaces } from './namespace/namespace.ts'
import type { SharedAccessKey } from './namespace/sas-token.ts'
import { type NamespaceServer, serveNamespace } from './service/namespace-server.ts'
import type { NamespaceSettings } from './settings/namespace-settings.ts'

/** How `startEventHubs` starts. */
export interface EventHubsOptions {
  /** Of the first namespace; 0 for any free port. */
  readonly port: number
  /** Where the hubs' files live; one process at a time. */
  readonly dataDir: string
  /** At least one, as `readConfiguration` makes them. */
  readonly namespaces: readonly NamespaceSettings[]
  /** The one that Microsoft publishes for its emulator when it is left out. */
  readonly key?: SharedAccessKey | undefined
  /** Of the control endpoint; 0 for any free port, undefined for none. */
  readonly controlPort?: number | undefined
  /** Acknowledges events before they are on disk. */
  readonly fast?: boolean | undefined
}

/** A namespace that serves. */
export interface RunningNamespace {
  readonly name: string
  /** Such as `amqp://127.0.0.1:5672`. */
  readonly address: string
  /** As clients take it: `Endpoint=sb://…;UseDevelopmentEmulator=true;`. */
  readonly connectionString: string
  /** The names of its hubs when it started. */
  readonly hubs: readonly string[]
}

/** What serves until it is stopped. */
export interface RunningEventHubs extends Running {
  /** That of the first namespace. */
  readonly connectionString: string
  readonly namespaces: readonly RunningNamespace[]
  /** Of the control endpoint, where there is one. */
  readonly control: string | undefined
}

/**
 * Starts the Event Hubs emulator in this process: AMQP 1.0 on loopback, as unmodified SDKs speak it with
 * `UseDevelopmentEmulator=true`.
 *
 * @throws StartError when a port is taken, the folder is in use or damaged, or a hub is not what the folder
 * holds; nothing runs then.
 *
 * @example
 * const hubs = [{ name: 'orders', partitions: 4, consumerGroups: ['audit'] }]
 * const running = await startEventHubs({ port: 0, dataDir: '.event-hubs', namespaces: readConfiguration({ hubs }) })
 * const producer = new EventHubProducerClient(running.connectionString, 'orders')
 * await running.stop()
 */
export async function startEventHubs(options: EventHubsOptions): Promise<RunningEventHubs> {
  const { dataDir, key = eventHubsKey(undefined) } = options
  // In the order in which they end, the last started first.
  const ends: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends) await end()
  }
  try {
    ends.unshift(await lockFolder(dataDir))
    await withdrawControl(dataDir)
    const namespaces = await openNamespaces(options.namespaces, dataDir, key, options.fast)
    ends.unshift(() => Promise.all(namespaces.map((namespace) => namespace.close())))
    const servers: NamespaceServer[] = []
    ends.unshift(() => Promise.all(servers.map((server) => server.stop())))
    for (const [index, namespace] of namespaces.entries()) {
      const port = options.namespaces[index]?.port
      servers.push(
        port === undefined
          ? await serveNamespace(namespace, options.port, '--port')
          : await serveNamespace(namespace, port, `"port" of namespace ${namespace.name}`),
      )
    }
    // The last: who can ask it whether the endpoint serves is told the truth.
    let control: string | undefined
    if (options.controlPort !== undefined) {
      const endpoint = await startControl({
        port: options.controlPort,
        setting: '--control-port',
        answer: (request) => answer(servers, request),
      })
      ends.unshift(() => endpoint.stop())
      await announceControl(dataDir, endpoint.address)
      ends.unshift(() => withdrawControl(dataDir))
      control = endpoint.address
    }
    const running = servers.map(({ namespace, address }) => ({
      name: namespace.name,
      address,
      connectionString: eventHubsConnection(address, key),
      hubs: [...namespace.hubs.values()].map(({ name }) => name),
    }))
    const [{ address, connectionString } = { address: '', connectionString: '' }] = running
    return { address, connectionString, namespaces: running, control, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
