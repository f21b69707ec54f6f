import { type KeyObject, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { lockFolder } from '../kit/data-lock.ts'
import type { Running } from '../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'
import { chargeText, LEAST } from './charges.ts'
import { Failure } from './failure.ts'
import type { Answer } from './http/answers.ts'
import { drain, type Request, readRequest, readTarget } from './http/requests.ts'
import { sessionToken } from './http/session.ts'
import { checkSignature, signingKey } from './http/signature.ts'
import type { Account } from './items/item-routes.ts'
import { Items } from './items/items.ts'
import { Catalog } from './resources/catalog.ts'
import { WHOLE } from './resources/ranges.ts'
import { answer, routeOf } from './routes.ts'
import { Store } from './store/store.ts'

const SWEEP_EVERY_MS = 10_000
const SWEEP_MOST = 1000
// Longer than the SDKs keep an idle connection: the end that closes it should not be this one.
const KEEP_ALIVE_MS = 120_000
const REQUEST_MS = 30_000
const MAX_CONNECTIONS = 1000
const STOP_MS = 2000

export interface CosmosOptions {
  /** 0 for any free port. */
  readonly port: number
  /** Where the data lives; one process at a time. */
  readonly dataDir: string
  /** The account key, base64. */
  readonly key: string
}

/**
 * Starts the embedded Cosmos DB for NoSQL endpoint on loopback.
 * @throws StartError for a port or a folder that cannot be used.
 */
export async function startCosmos({ port, dataDir, key }: CosmosOptions): Promise<Running> {
  const unlock = await lockFolder(dataDir)
  let store: Store
  try {
    store = new Store(dataDir)
  } catch (error) {
    await unlock()
    throw error
  }
  const account: Account = { store, catalog: new Catalog(store), items: new Items(store) }
  const secret = signingKey(key)
  const server = createServer((message, response) => {
    serve(account, secret, message, response).catch((error: unknown) => {
      console.error(error)
      response.destroy()
    })
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = REQUEST_MS
  server.maxConnections = MAX_CONNECTIONS
  let sweep = Promise.resolve()
  const sweeping = setInterval(() => {
    sweep = sweep.then(() => account.items.sweep(SWEEP_MOST))
  }, SWEEP_EVERY_MS)
  try {
    const bound = await listen(server, port, 'TIDEMARK_COSMOS_PORT')
    return {
      address: `http://${LOOPBACK}:${bound}`,
      async stop() {
        clearInterval(sweeping)
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), STOP_MS).unref()
        await Promise.all([closed, sweep])
        store.close()
        await unlock()
      },
    }
  } catch (error) {
    clearInterval(sweeping)
    store.close()
    await unlock()
    throw error
  }
}

async function serve(
  account: Account,
  key: KeyObject,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let request: Request | undefined
  let answered: Answer
  try {
    const target = readTarget(message)
    checkSignature(key, target)
    request = await readRequest(message, target)
    answered = await answer(account, routeOf(target), request)
  } catch (error) {
    if (!(error instanceof Failure)) console.error(error)
    await drain(message)
    answered = refusal(
      error instanceof Failure ? error : new Failure(500, 'InternalServerError', 'the endpoint has a fault'),
    )
  }
  // The client went away.
  if (response.destroyed) return
  const body = Buffer.from(answered.text ?? (answered.body === undefined ? '' : JSON.stringify(answered.body)))
  response.writeHead(answered.status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'x-ms-activity-id': randomUUID(),
    'x-ms-request-charge': chargeText(answered.charge ?? LEAST),
    'x-ms-session-token': sessionToken(answered.range ?? WHOLE.id, account.store.lsn),
    'x-ms-version': '2018-12-31',
    ...(request?.container ? { 'x-ms-alt-content-path': contentPath(request) } : {}),
    ...answered.headers,
  })
  response.end(message.method === 'HEAD' ? undefined : body)
}

function refusal({ status, code, message, substatus }: Failure): Answer {
  return { status, body: { code, message }, headers: substatus === undefined ? {} : { 'x-ms-substatus': substatus } }
}

function contentPath({ database = '', container = '' }: Request): string {
  return `dbs/${encodeURIComponent(database)}/colls/${encodeURIComponent(container)}`
}
