import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Refusal, refuse } from '../../kit/guard.ts'
import { closeServer } from '../../kit/http-server.ts'
import type { Running } from '../../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../../kit/listen.ts'
import { answeredAtDoor } from '../../local-cloud/front/door.ts'
import { type Site, withServices } from '../../local-cloud/front/site.ts'
import { type ApiOptions, ask } from '../api/ask.ts'
import { SIGN_IN_HINT, UnreachableError } from '../api/errors.ts'

/** The same limit as the services have: docs/errors.md, `body-too-large`. */
const MAX_BODY_BYTES = 1024 * 1024
const DRAIN_MS = 2000
/**
 * The headers to forward. All others stay here: the token of this machine, cookies of other programs, and
 * headers of one connection.
 */
const REQUEST_HEADERS = ['accept', 'content-type', 'idempotency-key', 'x-actor', 'x-correlation-id']
const RESPONSE_HEADERS = ['cache-control', 'content-type', 'etag', 'retry-after']

interface ConsoleOptions {
  /** 0 for any free port. */
  readonly port: number
  readonly site: Site
  /**
   * The token that every request of the page must show. It grants the rights of the user who started this.
   */
  readonly token: string
  readonly services: readonly string[]
  readonly asking: Omit<ApiOptions, 'signal' | 'actor'>
}

/**
 * Serves the console on loopback, for services that run elsewhere. Forwards the page's requests for
 * `/api/<service>/…` to that service, with the sign-in of the user who started this. The page never sees it.
 * @throws StartError if the port is taken.
 */
export async function startConsole({ port, token, services, asking, ...options }: ConsoleOptions): Promise<Running> {
  const site = withServices(options.site, services, (service) => `/api/${service}/openapi.json`)
  const server = createServer((incoming, outgoing) => {
    if (answeredAtDoor(incoming, outgoing, { site, token })) return
    const gone = new AbortController()
    outgoing.on('close', () => gone.abort())
    forward(incoming, outgoing, services, { ...asking, signal: gone.signal }).catch((error: Error) => {
      if (gone.signal.aborted) return
      // Too late for another status: the answer has begun.
      if (outgoing.headersSent) outgoing.destroy()
      else refuse(incoming, outgoing, toRefusal(error))
    })
  })
  const address = `http://${LOOPBACK}:${await listen(server, port, '--port')}`
  return { address, stop: () => closeServer(server, DRAIN_MS) }
}

/** Why a request is not forwarded. */
class RefusedRequest extends Error {
  readonly refusal: Refusal

  constructor(status: number, code: string, detail: string) {
    super(detail)
    this.refusal = { status, code, detail }
  }
}

function toRefusal(error: Error): Refusal {
  if (error instanceof RefusedRequest) return error.refusal
  if (error instanceof UnreachableError) return { status: 502, code: 'unreachable', detail: error.message }
  console.error(error)
  return { status: 500, code: 'internal', detail: 'the console failed: see the terminal where it was started' }
}

async function forward(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  services: readonly string[],
  asking: ApiOptions,
): Promise<void> {
  const { service, path } = parseTarget(incoming, services)
  const { method } = incoming
  if (method !== 'GET' && method !== 'POST')
    throw new RefusedRequest(405, 'method-not-allowed', 'the console forwards only GET and POST')
  const body = method === 'POST' ? await readBody(incoming) : undefined
  const headers = pickHeaders(REQUEST_HEADERS, (name) => incoming.headersDistinct[name]?.[0])
  const { response } = await ask(service, { method, path, headers, body }, asking)
  checkAnswer(service, response)
  outgoing.writeHead(
    response.status,
    pickHeaders(RESPONSE_HEADERS, (name) => response.headers.get(name)),
  )
  if (response.body) await pipeline(Readable.fromWeb(response.body), outgoing)
  else outgoing.end()
}

/** Resolves dots first, so that a request stays below the service's own path. */
function parseTarget({ url = '' }: IncomingMessage, services: readonly string[]): { service: string; path: string } {
  const { pathname = '', search = '' } = URL.parse(`http://localhost${url}`) ?? {}
  const [, service = '', rest] = /^\/api\/([^/]+)\/(.+)$/.exec(pathname) ?? []
  if (!services.includes(service))
    throw new RefusedRequest(404, 'not-found', `there are ${services.map((each) => `/api/${each}/…`).join(', ')}`)
  return { service, path: `${rest === 'openapi.json' ? '/api/openapi.json' : pathname}${search}` }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const tooLarge = new RefusedRequest(413, 'body-too-large', `a body has at most ${MAX_BODY_BYTES} bytes`)
  if (Number(incoming.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge
  const chunks: Buffer[] = []
  let bytes = 0
  // Keep the connection open for the answer.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > MAX_BODY_BYTES) throw tooLarge
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/**
 * A proxy before a service denies access without problem details, or redirects to a sign-in page. Names that
 * as the reason.
 */
function checkAnswer(service: string, { status, headers }: Response): void {
  if (status >= 300 && status < 400)
    throw new RefusedRequest(502, 'redirected', `${service} answered ${status}: it requires a sign-in. ${SIGN_IN_HINT}`)
  const isProblem = headers.get('content-type')?.startsWith('application/problem+json')
  if ((status === 401 || status === 403) && !isProblem)
    throw new RefusedRequest(502, 'not-let-in', `${service} answered ${status}: it denies you access. ${SIGN_IN_HINT}`)
}

function pickHeaders(
  names: readonly string[],
  readHeader: (name: string) => string | null | undefined,
): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = readHeader(name)
      return value === null || value === undefined ? [] : [[name, value]]
    }),
  )
}
