import { createServer } from 'node:net'
import { LOOPBACK, listen } from '../../kit/listen.ts'
import type { Namespace } from '../namespace/namespace.ts'
import { ClientConnection } from './client-connection.ts'

/**
 * The service's limit for a namespace, standard tier:
 * https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas
 */
const MAX_CONNECTIONS = 5000

/** A namespace that clients can connect to. */
export interface NamespaceServer {
  readonly namespace: Namespace
  /** Such as `amqp://127.0.0.1:5672`. */
  readonly address: string
  readonly connections: number
  readonly listening: boolean
  /** Accepts no more connections, acknowledges what was sent, and closes the open connections in an orderly way. */
  stop(): Promise<void>
}

/**
 * Listens for the clients of a namespace.
 * @param port 0 for any free port.
 * @param setting the setting of the port, named in the error.
 * @throws StartError if the port cannot be used.
 */
export async function serveNamespace(namespace: Namespace, port: number, setting: string): Promise<NamespaceServer> {
  const connections = new Set<ClientConnection>()
  const server = createServer((socket) => {
    const connection = new ClientConnection(socket, namespace)
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  })
  server.maxConnections = MAX_CONNECTIONS
  const bound = await listen(server, port, setting)
  // A connection that cannot be accepted (no file descriptor left) must not end the others.
  server.on('error', (error) => console.error(`eventhubs: ${error.message}`))
  return {
    namespace,
    address: `amqp://${LOOPBACK}:${bound}`,
    get connections() {
      return connections.size
    },
    get listening() {
      return server.listening
    },
    async stop() {
      server.close()
      await namespace.flushed()
      await Promise.all([...connections].map((connection) => connection.stop()))
    },
  }
}
