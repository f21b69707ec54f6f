import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'
import { pongoClient, type WithIdAndVersion } from '@event-driven-io/pongo'
import { run } from '../../../packages/kit/lifecycle.ts'
import { LOOPBACK, listen } from '../../../packages/kit/listen.ts'
import { validate } from '../../../packages/tidemark/core/schema.ts'
import { type OrderCommand, order } from '../../../src/ordering/order.ts'
import { COLLECTION, handleOrder, orders, type PeerDocument, Refused, streamOf } from './orders.ts'

/**
 * The peer: orders on emmett and PostgreSQL behind node:http. Commands and the asynchronous projection run in
 * one process, as in Tidemark's local host. Store, pools and consumer have emmett's defaults; PEER_PULLING
 * changes how the consumer pulls.
 */

interface Reply {
  readonly status: number
  readonly body: unknown
}

const placing = order.commands.find(({ name }) => name === 'place')
const WAIT_MS = 5_000
/** Earlier and more often than Tidemark reads (20 to 250 ms), so that waiting adds little to the measurement. */
const FIRST_LOOK_MS = 2
const LOOK_FACTOR = 1.5
const LONGEST_LOOK_MS = 50

const connectionString = process.env.PEER_DATABASE ?? ''
const pulling = JSON.parse(process.env.PEER_PULLING ?? '{}')
const store = getPostgreSQLEventStore(connectionString)
const documents = pongoClient(connectionString).db().collection<PeerDocument>(COLLECTION)

async function place(request: IncomingMessage): Promise<Reply> {
  const body = placing && validate(placing.schema, JSON.parse(await text(request)))
  if (body?.outcome !== 'valid') return { status: 400, body: { errors: body?.issues } }
  const orderId = randomUUID()
  const command = { type: 'place', data: body.value } as OrderCommand
  const { nextExpectedStreamVersion } = await handleOrder(store, orderId, { type: 'order', data: { orderId, command } })
  return { status: 201, body: { id: orderId, position: String(nextExpectedStreamVersion) } }
}

/** @param position the version of the stream that the document must show; without it, any. */
async function show(orderId: string, position: string | null): Promise<Reply> {
  const end = performance.now() + WAIT_MS
  for (let wait = FIRST_LOOK_MS; ; wait = Math.min(wait * LOOK_FACTOR, LONGEST_LOOK_MS)) {
    const found = await documents.findOne({ _id: streamOf(orderId) })
    if (found && (position === null || found.version >= Number(position))) return { status: 200, body: told(found) }
    if (position === null) return { status: 404, body: {} }
    if (performance.now() + wait > end) return { status: 503, body: {} }
    await pause(wait)
  }
}

/** Pongo's own fields are not part of the answer, and JSON has no big integers. */
function told({ _id, _version, ...document }: WithIdAndVersion<PeerDocument>): PeerDocument {
  return document as PeerDocument
}

async function recorded(stream: string): Promise<Reply> {
  const { events } = await store.readStream(stream)
  return { status: events.length > 0 ? 200 : 404, body: { items: events.map(({ type, data }) => ({ type, data })) } }
}

async function answer(request: IncomingMessage): Promise<Reply> {
  const { pathname, searchParams } = new URL(request.url ?? '', `http://${LOOPBACK}`)
  const [, collection, id = '', part] = pathname.split('/')
  if (request.method === 'POST' && pathname === '/orders') return place(request)
  if (collection === 'orders' && id !== '') return show(id, searchParams.get('position'))
  if (collection === 'streams' && part === 'events') return recorded(id)
  return { status: 404, body: {} }
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { status, body } = await answer(request).catch((error: unknown) => {
    if (error instanceof Refused) return { status: 409, body: { detail: error.message } }
    console.error(error)
    return { status: 500, body: {} }
  })
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

await run(async () => {
  await store.schema.migrate()
  const consumer = store.consumer(pulling.batchSize === undefined ? {} : { pulling })
  consumer.projector({ projection: orders })
  consumer.start().catch((error: unknown) => console.error('the consumer ended', error))
  const server = createServer((request, response) => void respond(request, response))
  const port = await listen(server, 0, 'nothing')
  return {
    address: `http://${LOOPBACK}:${port}`,
    // The process ends right after this, followed by its database. Emmett's own shutdown on SIGTERM is not awaited.
    async stop() {
      server.close()
    },
  }
})
