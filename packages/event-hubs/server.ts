import { announceControl, withdrawControl } from '../kit/control/control-file.ts'
import { startControl } from '../kit/control/control-server.ts'
import { lockFolder } from '../kit/data-lock.ts'
import type { Running } from '../kit/lifecycle.ts'
import { answer } from './control/control-routes.ts'
import { openNamespaces } from './namespace/namespace.ts'
import type { SharedAccessKey } from './namespace/sas-token.ts'
import { type NamespaceServer, serveNamespace } from './service/namespace-server.ts'
import type { NamespaceSettings } from './settings/namespace-settings.ts'

export interface EventHubsOptions {
  /** Of the first namespace; 0 for any free port. */
  readonly port: number
  /** Where the hubs' files live; one process at a time. */
  readonly dataDir: string
  /** At least one. */
  readonly namespaces: readonly NamespaceSettings[]
  readonly key: SharedAccessKey
  /** Of the control endpoint; 0 for any free port, undefined for none. */
  readonly controlPort?: number | undefined
  /** Acknowledges events before they are on disk. */
  readonly fast?: boolean | undefined
}

export interface RunningEventHubs extends Running {
  readonly namespaces: readonly NamespaceServer[]
  /** Of the control endpoint, where there is one. */
  readonly control: string | undefined
}

/**
 * Starts the embedded Event Hubs endpoint: AMQP 1.0 on loopback, as unmodified SDKs speak it with
 * `UseDevelopmentEmulator=true`.
 * @throws StartError when a port is taken, the folder is in use or damaged, or a hub is not what the folder holds; nothing runs then.
 */
export async function startEventHubs(options: EventHubsOptions): Promise<RunningEventHubs> {
  const { dataDir } = options
  // In the order in which they end, the last started first.
  const ends: (() => Promise<unknown>)[] = []
  const stop = async (): Promise<void> => {
    for (const end of ends) await end()
  }
  try {
    ends.unshift(await lockFolder(dataDir))
    await withdrawControl(dataDir)
    const namespaces = await openNamespaces(options.namespaces, dataDir, options.key, options.fast)
    ends.unshift(() => Promise.all(namespaces.map((namespace) => namespace.close())))
    const servers: NamespaceServer[] = []
    ends.unshift(() => Promise.all(servers.map((server) => server.stop())))
    for (const [index, namespace] of namespaces.entries()) {
      const port = options.namespaces[index]?.port
      servers.push(
        port === undefined
          ? await serveNamespace(namespace, options.port, 'TIDEMARK_EVENTHUBS_PORT')
          : await serveNamespace(namespace, port, `"port" of namespace ${namespace.name}`),
      )
    }
    // The last: who can ask it whether the endpoint serves is told the truth.
    let control: string | undefined
    if (options.controlPort !== undefined) {
      const endpoint = await startControl({
        port: options.controlPort,
        setting: 'TIDEMARK_EVENTHUBS_CONTROL_PORT',
        answer: (request) => answer(servers, request),
      })
      ends.unshift(() => endpoint.stop())
      await announceControl(dataDir, endpoint.address)
      ends.unshift(() => withdrawControl(dataDir))
      control = endpoint.address
    }
    return { address: servers[0]?.address ?? '', namespaces: servers, control, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
