import { createServer } from 'node:net'
import { join } from 'node:path'
import { lockFolder } from '../kit/data-lock.ts'
import type { Running } from '../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'
import { ClientConnection } from './client-connection.ts'
import { Hub } from './hub.ts'
import { type HubSettings, validateHubs } from './hub-settings.ts'
import { boundElementCounts } from './rhea-internals.ts'
import type { SharedAccessKey } from './sas-token.ts'

const MAX_CONNECTIONS = 1000

export interface EventHubsOptions {
  /** 0 for any free port. */
  readonly port: number
  /** Where the hubs' files live; one process at a time. */
  readonly dataDir: string
  readonly hubs: readonly HubSettings[]
  readonly key: SharedAccessKey
}

/**
 * Starts the embedded Event Hubs endpoint: AMQP 1.0 on loopback, as unmodified SDKs speak it with
 * `UseDevelopmentEmulator=true`.
 * @throws StartError when the port is taken, the folder is in use or damaged, or a hub is not what the folder holds.
 */
export async function startEventHubs(options: EventHubsOptions): Promise<Running> {
  boundElementCounts()
  const settings = validateHubs(options.hubs)
  const unlock = await lockFolder(options.dataDir)
  const hubs = new Map<string, Hub>()
  const closeAll = async (): Promise<void> => {
    await Promise.all([...hubs.values()].map((hub) => hub.close()))
    await unlock()
  }
  try {
    for (const hub of settings) hubs.set(hub.name.toLowerCase(), await Hub.open(join(options.dataDir, 'hubs'), hub))
    const connections = new Set<ClientConnection>()
    const server = createServer((socket) => {
      const connection = new ClientConnection(socket, { hubs, key: options.key })
      connections.add(connection)
      socket.once('close', () => connections.delete(connection))
    })
    server.maxConnections = MAX_CONNECTIONS
    const port = await listen(server, options.port, 'TIDEMARK_EVENTHUBS_PORT')
    // A connection that could not be accepted (no file descriptor left) must not end those that were.
    server.on('error', (error) => console.error(`eventhubs: ${error.message}`))
    return {
      address: `amqp://${LOOPBACK}:${port}`,
      async stop() {
        server.close()
        await Promise.all([...hubs.values()].flatMap(({ partitions }) => partitions.map((log) => log.flushed())))
        await Promise.all([...connections].map((connection) => connection.stop()))
        await closeAll()
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}
