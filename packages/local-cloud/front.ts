import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { closeServer } from '../kit/http-server.ts'
import type { Running } from '../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'
import { answeredAtDoor } from './front/door.ts'
import { type Site, withServices } from './front/site.ts'

/**
 * One address for all apps, like an API gateway in Azure. Requests to `/api/<app>/…` go to that app's host,
 * and its answers come back unchanged. `/api/openapi.json` merges the documents of all apps. The console is
 * at `/`.
 */
export interface Front extends Running {
  /** Sets the address of an app; undefined while it is away. */
  serve(app: string, address: string | undefined): void
}

const PREFIX = '/api'
const OPENAPI = `${PREFIX}/openapi.json`
const DRAIN_MS = 5000
/** Headers of one connection, not to be forwarded: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1 */
const CONNECTION_HEADERS = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
]

type Headers = Record<string, string | string[]>

interface FrontOptions {
  /** 0 for any free port. */
  readonly port: number
  /** The apps, by the path that they serve. */
  readonly apps: readonly string[]
  readonly site?: Site
  /** The bearer token of every request. The console's files have no data and need no token. */
  readonly token?: string | undefined
}

/** @throws StartError if the port is taken. */
export async function startFront({ port, apps, site = new Map(), token }: FrontOptions): Promise<Front> {
  const addresses = new Map<string, string | undefined>(apps.map((app) => [app, undefined]))
  const agent = new Agent({ keepAlive: true })
  const serving = { agent, stopping: false }
  const files = site.size === 0 ? site : withServices(site, apps)
  const server = createServer((incoming, outgoing) => {
    if (answeredAtDoor(incoming, outgoing, { site: files, token })) return
    const path = incoming.url ?? ''
    const app = parseApp(path)
    if (isOpenApi(incoming)) void answerOpenApi(incoming, outgoing, addresses)
    else if (app === undefined || !addresses.has(app)) end(incoming, outgoing, 404)
    else forward(incoming, outgoing, addresses.get(app), serving)
  })
  const address = `http://${LOOPBACK}:${await listen(server, port, 'TIDEMARK_HTTP_PORT')}`
  return {
    address,
    serve(app, where) {
      addresses.set(app, where)
    },
    async stop() {
      serving.stopping = true
      await closeServer(server, DRAIN_MS)
      agent.destroy()
    },
  }
}

/** Reads the app of a path, ignoring case as routes do. */
function parseApp(path: string): string | undefined {
  return new RegExp(`^${PREFIX}/([^/?#]+)`, 'i').exec(path)?.[1]?.toLowerCase()
}

function isOpenApi({ method, url = '' }: IncomingMessage): boolean {
  return method === 'GET' && new RegExp(`^${OPENAPI.replace('.', '\\.')}/?(\\?|$)`, 'i').test(url)
}

function parseQuery(path: string): string {
  return path.includes('?') ? path.slice(path.indexOf('?')) : ''
}

interface Serving {
  readonly agent: Agent
  stopping: boolean
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, to: string | undefined, serving: Serving): void {
  if (to === undefined) {
    end(incoming, outgoing, 503)
    return
  }
  const { hostname, port } = new URL(to)
  const { method, url } = incoming
  const { agent } = serving
  const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers
  const hasBody = length !== undefined || encoding !== undefined
  const sent = request({ hostname, port, agent, method, path: url, headers: copyHeaders(incoming), setHost: false })
  sent.on('response', (response) => {
    // A kept-alive connection would delay the stop.
    if (serving.stopping) outgoing.shouldKeepAlive = false
    outgoing.writeHead(response.statusCode ?? 502, copyHeaders(response))
    response.on('error', () => outgoing.destroy())
    response.pipe(outgoing)
  })
  sent.on('error', ({ code }: NodeJS.ErrnoException) => {
    // A partial answer cannot be taken back. The result of an unanswered request is unknown.
    if (outgoing.headersSent) outgoing.destroy()
    // The host had closed the kept-alive connection, and a GET without a body is safe to repeat:
    // https://nodejs.org/api/http.html#requestreusedsocket
    else if (sent.reusedSocket && method === 'GET' && !hasBody && !outgoing.destroyed)
      forward(incoming, outgoing, to, serving)
    else end(incoming, outgoing, code === 'ECONNREFUSED' ? 503 : 504)
  })
  outgoing.on('close', () => sent.destroy())
  // For some methods, node:http would otherwise not mark the end of a body of unknown length.
  if (encoding !== undefined) sent.useChunkedEncodingByDefault = true
  if (hasBody) incoming.pipe(sent)
  else sent.end()
}

/** Copies all headers except those of the connection. A chunked body stays chunked: the host treats it differently. */
function copyHeaders({ headersDistinct }: IncomingMessage): Headers {
  const copied: Headers = {}
  for (const [name, values] of Object.entries(headersDistinct)) {
    if (values === undefined || CONNECTION_HEADERS.includes(name)) continue
    const [first = ''] = values
    copied[name] = values.length === 1 ? first : values
  }
  return copied
}

/**
 * Sends an answer without content: 503 while an app's host is away, 504 if the host ended before it answered.
 */
function end(incoming: IncomingMessage, outgoing: ServerResponse, status: 404 | 503 | 504): void {
  incoming.unpipe().resume()
  if (status !== 404) outgoing.setHeader('retry-after', '1')
  outgoing.writeHead(status, { 'content-length': '0' }).end()
}

interface OpenApi {
  readonly info: Readonly<Record<string, unknown>>
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Readonly<Record<string, unknown>>
}

/** Answers with the merged documents of all apps, or with the first app's answer that is not a document. */
async function answerOpenApi(
  { url = '', headers: { authorization } }: IncomingMessage,
  outgoing: ServerResponse,
  addresses: ReadonlyMap<string, string | undefined>,
): Promise<void> {
  const query = parseQuery(url)
  const headers = authorization === undefined ? {} : { authorization }
  const answers = await Promise.all(
    [...new Set(addresses.values())].map(async (address) => {
      const answer = address && (await fetch(`${address}${OPENAPI}${query}`, { headers }).catch(() => undefined))
      if (!answer) return { status: 503, type: 'text/plain', text: '' }
      return { status: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() }
    }),
  )
  const refused = answers.find(({ status }) => status !== 200)
  const { status, type, text } = refused ?? { status: 200, type: 'application/json', text: mergeDocuments(answers) }
  outgoing.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) }).end(text)
}

function mergeDocuments(answers: readonly { readonly text: string }[]): string {
  const documents = answers.map(({ text }) => JSON.parse(text) as OpenApi)
  const tags = documents.flatMap((each) => each.tags).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  return JSON.stringify({
    ...documents[0],
    info: { ...documents[0]?.info, title: `Tidemark: ${tags.map(({ name }) => name).join(', ')}` },
    tags,
    paths: Object.assign({}, ...documents.map(({ paths }) => paths)),
  })
}
