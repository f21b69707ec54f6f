import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { lockFolder } from '../kit/data-lock.ts'
import type { Running } from '../kit/lifecycle.ts'
import { LOOPBACK, listen } from '../kit/listen.ts'
import { Catalog } from './catalog.ts'
import { Failure } from './failure.ts'
import { Items } from './items.ts'
import { type Request, readRequest } from './requests.ts'
import { type Account, type Answer, answer } from './routes.ts'
import { checkSignature } from './signature.ts'
import { Store } from './store.ts'

const SWEEP_EVERY_MS = 10_000
const SWEEP_MOST = 1000
// Longer than the SDKs keep an idle connection: the end that closes it should not be this one.
const KEEP_ALIVE_MS = 120_000

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
  const server = createServer((message, response) => void serve(account, key, message, response))
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.requestTimeout = 30_000
  const sweeping = setInterval(() => void account.items.sweep(SWEEP_MOST), SWEEP_EVERY_MS)
  try {
    const bound = await listen(server, port, 'TIDEMARK_COSMOS_PORT')
    return {
      address: `http://${LOOPBACK}:${bound}`,
      async stop() {
        clearInterval(sweeping)
        const closed = new Promise((resolve) => server.close(resolve))
        server.closeIdleConnections()
        setTimeout(() => server.closeAllConnections(), 2000).unref()
        await closed
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

async function serve(account: Account, key: string, message: IncomingMessage, response: ServerResponse): Promise<void> {
  let answered: Answer
  let request: Request | undefined
  try {
    request = await readRequest(message)
    const { authorization, 'x-ms-date': date } = request.headers
    checkSignature(key, { method: request.method, authorization, date }, request)
    answered = await answer(account, request)
  } catch (error) {
    if (!(error instanceof Failure)) console.error(error)
    const {
      status,
      code,
      message: text,
      substatus,
    } = error instanceof Failure ? error : new Failure(500, 'InternalServerError', 'the endpoint has a fault')
    answered = {
      status,
      body: { code, message: text },
      headers: substatus === undefined ? {} : { 'x-ms-substatus': substatus },
    }
  }
  if (response.destroyed) return
  const body = answered.text ?? (answered.body === undefined ? '' : JSON.stringify(answered.body))
  response.writeHead(answered.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-ms-activity-id': randomUUID(),
    'x-ms-request-charge': charge(answered.status, request, body),
    'x-ms-session-token': `0:-1#${account.store.lsn}`,
    'x-ms-version': '2018-12-31',
    ...(request?.container
      ? {
          'x-ms-alt-content-path': `dbs/${encodeURIComponent(request.database ?? '')}/colls/${encodeURIComponent(request.container)}`,
        }
      : {}),
    ...answered.headers,
  })
  response.end(message.method === 'HEAD' ? undefined : body)
}

/** An estimate in request units, from the published figures: 1 a KB read, 5.5 a KB written. */
function charge(status: number, request: Request | undefined, body: string): number {
  const writes =
    request !== undefined &&
    status < 300 &&
    request.method !== 'GET' &&
    request.headers['x-ms-documentdb-isquery'] === undefined
  const kilobytes = Math.max(1, Math.ceil((writes ? (request?.bytes ?? 0) : body.length) / 1024))
  return kilobytes * (writes ? 5.5 : 1)
}
