import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Running } from '../../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../../kit/listen.ts'
import type { NamespaceServer } from '../namespace-server.ts'
import { type Answer, problemAnswer } from './control-problem.ts'
import { checkSender, drain, readRequest } from './control-requests.ts'
import { answer } from './control-routes.ts'

const MAX_CONNECTIONS = 100
const REQUEST_MS = 30_000
const STOP_MS = 2000

/**
 * Starts the control endpoint: HTTP and JSON on loopback, for whoever develops or tests here.
 * @param port 0 for any free port.
 * @throws StartError when the port cannot be used.
 */
export async function startControl(servers: readonly NamespaceServer[], port: number): Promise<Running> {
  const server = createServer((message, response) => {
    serve(servers, message, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  server.requestTimeout = REQUEST_MS
  const bound = await listen(server, port, 'TIDEMARK_EVENTHUBS_CONTROL_PORT')
  server.on('error', (error) => console.error(`eventhubs: ${error.message}`))
  return {
    address: `http://${LOOPBACK}:${bound}`,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), STOP_MS)
      await closed
      clearTimeout(timer)
    },
  }
}

async function serve(
  servers: readonly NamespaceServer[],
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answered: Answer
  try {
    checkSender(message)
    answered = await answer(servers, await readRequest(message))
  } catch (error) {
    await drain(message)
    answered = problemAnswer(error)
  }
  // The client went away.
  if (response.destroyed) return
  const body = JSON.stringify(answered.body)
  response.writeHead(answered.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...answered.headers,
  })
  response.end(body)
}
