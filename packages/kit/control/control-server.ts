import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { closeServer, drain } from '../http-server.ts'
import type { Running } from '../lifecycle.ts'
import { LOOPBACK, listen } from '../listen.ts'
import { type Answer, problemAnswer } from './control-problem.ts'
import { type ControlRequest, checkSender, readRequest } from './control-requests.ts'

const MAX_CONNECTIONS = 100
const REQUEST_MS = 30_000
const STOP_MS = 2000

interface ControlOptions {
  /** 0 for any free port. */
  readonly port: number
  /** The setting that changes the port, named in the error. */
  readonly setting: string
  /** @throws Problem, InvalidSettings; anything else is a 500. */
  readonly answer: (request: ControlRequest) => Promise<Answer>
}

/**
 * Starts a control endpoint: HTTP and JSON on loopback, for developers and tests.
 * @throws StartError if the port cannot be used.
 */
export async function startControl({ port, setting, answer }: ControlOptions): Promise<Running> {
  const server = createServer((message, response) => {
    serve(answer, message, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  server.requestTimeout = REQUEST_MS
  const bound = await listen(server, port, setting)
  server.on('error', (error) => console.error(`control endpoint: ${error.message}`))
  return {
    address: `http://${LOOPBACK}:${bound}`,
    stop: () => closeServer(server, STOP_MS),
  }
}

async function serve(
  answer: ControlOptions['answer'],
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answered: Answer
  try {
    checkSender(message)
    answered = await answer(await readRequest(message))
  } catch (error) {
    await drain(message)
    answered = problemAnswer(error)
  }
  // The client has disconnected.
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
