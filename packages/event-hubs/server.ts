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

/** Options of `startEventHubs`. */
export interface EventHubsOptions {
  /** Port of the first namespace; 0 for any free port. */
  readonly port: number
  /** Folder of the hubs' files. Only one process at a time can use it. */
  readonly dataDir: string
  /** At least one namespace, as `readConfiguration` returns them. */
  readonly namespaces: readonly NamespaceSettings[]
  /** Without it, the key that Microsoft publishes for its emulator. */
  readonly key?: SharedAccessKey | undefined
  /** Port of the control endpoint; 0 for any free port, undefined for no control endpoint. */
  readonly controlPort?: number | undefined
  /** Acknowledges events before they are on disk. */
  readonly fast?: boolean | undefined
}

/** A running namespace. */
export interface RunningNamespace {
  readonly name: string
  /** Such as `amqp://127.0.0.1:5672`. */
  readonly address: string
  /** Connection string for clients: `Endpoint=sb://…;UseDevelopmentEmulator=true;`. */
  readonly connectionString: string
  /** Names of the hubs at the start. */
  readonly hubs: readonly string[]
}

/** A running emulator. */
export interface RunningEventHubs extends Running {
  /** Connection string of the first namespace. */
  readonly connectionString: string
  readonly namespaces: readonly RunningNamespace[]
  /** Address of the control endpoint; undefined without one. */
  readonly control: string | undefined
}

/**
 * Starts the Event Hubs emulator in this process. It serves AMQP 1.0 on loopback, for unmodified SDKs with
 * `UseDevelopmentEmulator=true`.
 *
 * @throws StartError if a port is taken, the folder is in use or damaged, or a hub does not match the folder.
 * Nothing runs then.
 *
 * @example
 * const hubs = [{ name: 'orders', partitions: 4, consumerGroups: ['audit'] }]
 * const running = await startEventHubs({ port: 0, dataDir: '.event-hubs', namespaces: readConfiguration({ hubs }) })
 * const producer = new EventHubProducerClient(running.connectionString, 'orders')
 * await running.stop()
 */
export async function startEventHubs(options: EventHubsOptions): Promise<RunningEventHubs> {
  const { dataDir, key = eventHubsKey(undefined) } = options
  // The last started ends first.
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
    // Start the control endpoint last, so that its first health answer is already true.
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
