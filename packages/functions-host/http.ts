import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { checkOrigin, checkToken, refuse as refuseStranger } from '../kit/guard.ts'
import { closeServer } from '../kit/http-server.ts'
import type { Running } from '../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'
import { requestData, sendResponse } from './http-data.ts'
import type { Invoker } from './invocation.ts'
import { describe, logFailure } from './log.ts'
import type { InvocationResponse } from './protocol.ts'
import type { Router } from './router.ts'

interface HttpOptions {
  /** 0 for any free port. */
  readonly port: number
  /** Largest request body, in bytes. */
  readonly maxBodyBytes: number
  /** How long requests in flight may continue after the stop has begun. */
  readonly drainMs: number
  /** The bearer token that every request must have; undefined: none. */
  readonly token: string | undefined
}

class BodyTooLarge extends Error {}
class ClientGone extends Error {}

/** How long a client may continue to send a refused body, so that it can read the answer. */
const LINGER_MS = 5000

/** What is needed to answer a request. */
interface Serving {
  readonly router: Router
  readonly invoker: Invoker
  readonly maxBodyBytes: number
  stopping: boolean
}

/**
 * Serves the HTTP triggers. Like Core Tools, it does not check keys (`authLevel`). So, unlike Core Tools, it
 * refuses requests from scripts of other pages.
 * @throws StartError if the port is taken.
 */
export async function startHttp(router: Router, invoker: Invoker, options: HttpOptions): Promise<Running> {
  const serving: Serving = { router, invoker, maxBodyBytes: options.maxBodyBytes, stopping: false }
  const server = createServer((request, response) => {
    // A client that disconnects early is not an error of the host.
    request.on('error', () => {})
    response.on('error', () => {})
    const refusal = checkOrigin(request) ?? checkToken(request, options.token)
    if (refusal) return refuseStranger(request, response, refusal)
    answer(request, response, serving).catch((error: unknown) => {
      if (error instanceof ClientGone) return
      if (error instanceof BodyTooLarge) {
        response.setHeader('connection', 'close')
        sendEmpty(response, 413)
        request.resume()
        setTimeout(() => request.destroy(), LINGER_MS).unref()
        return
      }
      logFailure('host', `${request.method} ${request.url}: ${describe(error)}`)
      sendEmpty(response, 500)
    })
  })
  const port = await listen(server, options.port, '--port')
  return {
    address: `http://${LOOPBACK}:${port}`,
    async stop() {
      serving.stopping = true
      await closeServer(server, options.drainMs)
    },
  }
}

async function answer(request: IncomingMessage, response: ServerResponse, serving: Serving): Promise<void> {
  const url = URL.parse(`http://${request.headers.host ?? LOOPBACK}${request.url}`)
  // https://github.com/dotnet/aspnetcore/blob/main/src/Shared/UrlDecoder/UrlDecoder.cs refuses NUL.
  if (!url || !request.url?.startsWith('/') || url.pathname.includes('%00')) return refuse(request, response, 400)
  const match = serving.router.match(request.method ?? '', url.pathname)
  if (!match) return refuse(request, response, 404)
  const body = await readBody(request, serving.maxBodyBytes)
  // A chunked body, without a length, does not reach the function:
  // https://github.com/Azure/azure-functions-nodejs-worker/issues/524
  const known = request.headers['content-length'] === undefined ? new Uint8Array() : body
  const http = requestData(request, url, match.params, known)
  const inputData = [{ name: match.bindingName, data: { http } }]
  let result: InvocationResponse | undefined
  try {
    result = await serving.invoker.invoke(match.registered, { inputData })
  } catch {
    // The invoker has logged the error; the client only gets a 500.
  }
  if (response.destroyed) return
  // A kept-alive connection would delay the stop.
  if (serving.stopping) response.setHeader('connection', 'close')
  if (result) sendResponse(response, result.returnValue)
  else sendEmpty(response, 500)
}

/** Answers without reading the body. */
function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume()
  sendEmpty(response, status)
}

function sendEmpty(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy()
  else response.writeHead(status, { 'content-length': 0 }).end()
}

async function readBody(request: IncomingMessage, most: number): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > most) throw new BodyTooLarge()
  // Without either header there is no body: https://www.rfc-editor.org/rfc/rfc9112#section-6.3
  if (request.headers['content-length'] === undefined && request.headers['transfer-encoding'] === undefined)
    return new Uint8Array()
  const chunks: Buffer[] = []
  let length = 0
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.byteLength
      if (length > most) {
        request.removeAllListeners('data')
        reject(new BodyTooLarge())
      } else chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('close', () => reject(new ClientGone()))
  })
}
