/**
 * Loaded into the functions' process before them (`--import`). It writes a line to the file
 * TIDEMARK_TEST_TALLY for every request to Cosmos DB and to blobs. It also writes one for every batch for a
 * log, and every batch sent to or received from a hub. The services and the SDKs are unmodified: requests are
 * observed on Node's diagnostics channel, batches at the SDKs' interfaces.
 */
import { channel } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { type Container, Items } from '@azure/cosmos'
import {
  type EventDataBatch,
  EventHubConsumerClient,
  EventHubProducerClient,
  type PartitionContext,
} from '@azure/event-hubs'
import { classifyRequest } from '../../test/support/cosmos-request.ts'
import type { Note } from './note.ts'

const file = process.env.TIDEMARK_TEST_TALLY ?? ''
const cosmosPort = new URL(process.env.CosmosConnection?.match(/AccountEndpoint=([^;]+)/)?.[1] ?? 'http://none').port
const lines: string[] = []

function note(taken: Note): void {
  lines.push(JSON.stringify(taken))
}

function flush(): void {
  if (lines.length > 0) appendFileSync(file, `${lines.splice(0).join('\n')}\n`)
}

setInterval(flush, 100).unref()
process.on('exit', flush)

/** The kind of a request to the database. Reads at the end of the feed are separate. */
function classifyOperation(request: ClientRequest, status: number): string {
  const kind = classifyRequest(request.method, request.path, (name) => request.getHeader(name))
  return kind === 'feed' && status === 304 ? 'feed, empty' : (kind ?? request.method)
}

channel('http.client.response.finish').subscribe((message) => {
  const { request, response } = message as { request: ClientRequest; response: IncomingMessage }
  const status = response.statusCode ?? 0
  if (String(request.getHeader('host')).endsWith(`:${cosmosPort}`)) {
    const [, service = '', container = ''] = /^\/dbs\/([^/]+)(?:\/colls\/([^/]+))?/.exec(request.path) ?? []
    note({
      at: performance.timeOrigin + performance.now(),
      kind: 'cosmos',
      service,
      container,
      operation: /\/docs\/pointer$/.test(request.path) ? 'pointer' : classifyOperation(request, status),
      status,
      charge: Number(response.headers['x-ms-request-charge'] ?? 0),
      partition: String(request.getHeader('x-ms-documentdb-partitionkey') ?? ''),
    })
  } else if (request.path.includes('azure-webjobs-eventhub')) {
    const what = request.path.includes('/checkpoint/')
      ? 'checkpoint'
      : request.path.includes('/ownership/')
        ? 'ownership'
        : 'list'
    note({ at: performance.timeOrigin + performance.now(), kind: 'blob', operation: `${request.method} ${what}` })
  }
})

const batch = Items.prototype.batch
Items.prototype.batch = async function counted(
  this: Items & { readonly container: Container },
  operations,
  stream,
  options,
) {
  const answer = await batch.call(this, operations, stream, options)
  if (this.container.id === 'events') {
    const items = operations.flatMap((operation) =>
      'resourceBody' in operation ? [operation.resourceBody as { readonly types?: readonly string[] }] : [],
    )
    const types = items.flatMap((item) => (item.types === undefined ? [] : [item.types]))
    note({
      at: performance.timeOrigin + performance.now(),
      kind: 'append',
      stream: String(stream),
      commits: types.length,
      events: types.flat().length,
      receipts: items.length - types.length,
      written: answer.result?.every(({ statusCode }) => statusCode < 300) ?? false,
      charge: Number(answer.headers['x-ms-request-charge']),
    })
  }
  return answer
}

const send = EventHubProducerClient.prototype.sendBatch as (batch: EventDataBatch, options?: object) => Promise<void>
// The relay sends what createBatch made. The overload for arrays is not used.
EventHubProducerClient.prototype.sendBatch = async function counted(
  this: EventHubProducerClient,
  batch: EventDataBatch,
  options?: object,
) {
  await send.call(this, batch, options)
  note({
    at: performance.timeOrigin + performance.now(),
    kind: 'sent',
    hub: this.eventHubName,
    events: batch.count,
    bytes: batch.sizeInBytes,
  })
} as typeof EventHubProducerClient.prototype.sendBatch

// biome-ignore lint/suspicious/noExplicitAny: one of several overloads, whose arguments are passed on unchanged.
const subscribe = EventHubConsumerClient.prototype.subscribe as (...args: any[]) => any
EventHubConsumerClient.prototype.subscribe = function counted(this: EventHubConsumerClient, ...args: unknown[]) {
  // biome-ignore lint/suspicious/noExplicitAny: the handlers come first, or second after a partition
  const handlers = args.find((argument: any) => typeof argument?.processEvents === 'function') as any
  const handle = handlers.processEvents
  handlers.processEvents = (events: readonly unknown[], context: PartitionContext): unknown => {
    if (events.length > 0)
      note({
        at: performance.timeOrigin + performance.now(),
        kind: 'received',
        hub: context.eventHubName,
        group: context.consumerGroup,
        events: events.length,
      })
    return handle(events, context)
  }
  return subscribe.apply(this, args)
}
