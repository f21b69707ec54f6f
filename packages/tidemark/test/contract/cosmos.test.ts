import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, request } from 'node:http'
import { after, describe, it } from 'node:test'
import { type Container, CosmosClient, type SqlQuerySpec } from '@azure/cosmos'
import { listen } from '../../../kit/listen.ts'
import { cosmosEndpoint, EMULATOR_KEY } from '../../../test-support/cosmos.ts'
import { eventId } from '../../core/event.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import { listIndexes } from '../../core/list.ts'
import type { ParkedStream } from '../../core/parking.ts'
import type { CommitPage } from '../../core/ports.ts'
import { NO_TELEMETRY } from '../../core/telemetry.ts'
import { BulkWriter } from '../../cosmos/bulk-writer.ts'
import { CosmosEventFeed } from '../../cosmos/event-feed.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { CosmosKeys } from '../../cosmos/keys.ts'
import { CosmosLogBrowser } from '../../cosmos/log-browser.ts'
import { CosmosParking } from '../../cosmos/parking.ts'
import { CosmosProgress } from '../../cosmos/progress.ts'
import { CosmosRebuilds } from '../../cosmos/rebuilds.ts'
import { CosmosSchedule } from '../../cosmos/schedule.ts'
import { CosmosSnapshots } from '../../cosmos/snapshots.ts'
import { storeTime } from '../../cosmos/store-clock.ts'
import { CosmosViewGenerations } from '../../cosmos/view-generations.ts'
import { CosmosViewStore } from '../../cosmos/view-store.ts'
import { EVENT_BYTES } from '../../event-hubs/limits.ts'
import { forEachLimited } from '../../runtime/limited.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit, readHead, receipt } from '../support/commits.ts'
import { listQueries } from '../support/list-queries.ts'
import { recordedTogether } from '../support/recorded.ts'
import { append, eventFeedSuite, readRound } from './event-feed-suite.ts'
import { eventStoreSuite } from './event-store-suite.ts'
import { keysSuite } from './keys-suite.ts'
import { logBrowserSuite } from './log-browser-suite.ts'
import { missingContainerSuite } from './missing-container-suite.ts'
import { parkingSuite } from './parking-suite.ts'
import { progressSuite } from './progress-suite.ts'
import { rebuildsSuite } from './rebuilds-suite.ts'
import { scheduleSuite } from './schedule-suite.ts'
import { snapshotsSuite } from './snapshots-suite.ts'
import { viewGenerationsSuite } from './view-generations-suite.ts'
import { listedView, viewListsSuite } from './view-lists-suite.ts'
import { viewStoreSuite } from './view-store-suite.ts'

const { address, database, stop } = await cosmosEndpoint()
after(stop)

/** The settings of the log's container besides its key, as in packages/tidemark/topology.ts. */
const ofLog = {
  uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/key'] }] },
  indexingPolicy: {
    includedPaths: ['/stream/?', '/to/?', '/key/?', '/correlation/?'].map((path) => ({ path })),
    excludedPaths: [{ path: '/*' }],
  },
}
const { container: log } = await database.containers.create({ id: 'events', partitionKey: '/stream', ...ofLog })

/** The settings of a view's container besides its key: an index for each list of the suites. */
const ofView = {
  defaultTtl: -1,
  indexingPolicy: {
    compositeIndexes: listIndexes(listedView).map((paths) =>
      paths.map((path) => ({ path, order: 'descending' as const })),
    ),
  },
}

const CURSOR = { version: 1, hash: '1'.padStart(64, '0'), time: '2026-01-01T00:00:00.000Z' }

const both = (container: Container) => ({ exact: container, relaxed: container })

eventStoreSuite('cosmos', async () => new CosmosEventStore(log, NO_TELEMETRY, EVENT_BYTES))
viewStoreSuite('cosmos', async () => {
  const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/pk', ...ofView })
  return new CosmosViewStore(both(container), 1, 3600)
})
viewStoreSuite('cosmos, in bulk', async () => {
  const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/pk', ...ofView })
  return new CosmosViewStore(both(container), 1, 3600, new BulkWriter(container))
})
// All views share one container; each is a generation of its own.
const { container: lists } = await database.containers.create({ id: 'lists', partitionKey: '/pk', ...ofView })
let generation = 0
viewListsSuite('cosmos', async () => new CosmosViewStore(both(lists), ++generation, 3600), 60)

describe('a list', () => {
  it('costs as much in a view of 2,000 documents as in one of 200', async () => {
    const view = { filters: { status: ['new', 'old'], owner: 'string' }, orders: { 'size.weight': 'number' } } as const
    const queries = await listQueries(view)
    const charges: number[][] = []
    for (const size of [200, 2000]) {
      const { container } = await database.containers.create({ id: `sized-${size}`, partitionKey: '/pk', ...ofView })
      const store = new CosmosViewStore(both(container), 1, 3600, new BulkWriter(container))
      // A list returns the same documents in both: those of the owner `x` with the status `x` and a weight of 1.
      const documents = Array.from({ length: size }, (_, n) => {
        const isListed = n % (size / 20) === 0
        const text = isListed ? 'x' : `other ${n % 7}`
        return { key: `k${n}`, status: text, owner: text, size: { weight: isListed ? 1 : n } }
      })
      await forEachLimited(documents, 400, async (document) => {
        await store.writeDocument(document.key, { document, sort: document.status, etag: undefined }, CURSOR)
      })
      charges.push(await Promise.all(queries.map((query) => readCharge(container, query))))
    }
    const [small = [], large = []] = charges
    assert.equal(small.length, queries.length)
    const grown = queries.filter((_, index) => (large[index] ?? 0) > 1.2 * (small[index] ?? 0))
    assert.deepEqual(grown, [], `of ${queries.length}`)
  })
})

/** What the first page of a list costs, in request units. */
async function readCharge(container: Container, query: SqlQuerySpec): Promise<number> {
  return (await container.items.query(query).fetchNext()).requestCharge
}

const { container: progress } = await database.containers.create({
  id: 'progress',
  partitionKey: '/pk',
  indexingPolicy: { includedPaths: [{ path: '/pk/?' }], excludedPaths: [{ path: '/*' }] },
})
const { container: parked } = await database.containers.create({
  id: 'parked',
  partitionKey: '/pk',
  indexingPolicy: {
    includedPaths: ['/pk/?', '/kind/?'].map((path) => ({ path })),
    excludedPaths: [{ path: '/*' }],
  },
})
parkingSuite('cosmos', async () => new CosmosParking(parked, `consumer-${randomUUID()}`))
progressSuite('cosmos', async () => new CosmosProgress(progress, `consumer-${randomUUID()}`))

scheduleSuite('cosmos', async () => {
  const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/pk' })
  return { schedule: new CosmosSchedule(container), now: () => storeTime(container), pass: () => {} }
})

/** The settings of the snapshots' container besides its key. */
const ofSnapshots = { indexingPolicy: { includedPaths: [], excludedPaths: [{ path: '/*' }] } }
keysSuite('cosmos', async () => {
  const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/id' })
  return new CosmosKeys(container)
})
snapshotsSuite('cosmos', async () => {
  const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/stream', ...ofSnapshots })
  return {
    snapshots: new CosmosSnapshots(container),
    put: async (item) => {
      await container.items.upsert(item)
    },
  }
})

const metadata = { actor: 'tester', correlation: 'c', causation: 'order-1@1' }
const scheduled = {
  stream: 'order-1',
  key: 'a',
  due: '2026-01-01T00:00:00.000Z',
  command: { type: 'cancel', data: {} },
  metadata,
}
const [placed, confirmed] = recordedTogether('order-1', placedV1, { type: 'OrderConfirmed', data: { orderId: '1' } })
assert.ok(placed && confirmed)
const [events, next] = [[placed], [confirmed]]
const tip = { version: 1, hash: '1'.repeat(64), time: '2026-01-01T00:00:00.000Z' }
const write = { document: { a: 1 }, sort: 'a', etag: undefined }
const generations = (container: Container) =>
  new CosmosViewGenerations({ exact: container.database, relaxed: container.database }, 60)
const all = async (pages: AsyncIterable<unknown>) => {
  for await (const _ of pages);
}

missingContainerSuite('log', { partitionKey: '/stream', ...ofLog }, () => database, {
  'a read of a stream': (container) => all(new CosmosEventStore(container).read('order-1', 0)),
  'a read behind a version': (container) => all(new CosmosEventStore(container).read('order-1', 1)),
  'a read of a range': (container) =>
    new CosmosEventStore(container).readRange('order-1', { direction: 'backward', limit: 1 }),
  'a search for a key': (container) => new CosmosEventStore(container).findOutcome('order-1', 'k'),
  'a search for the newest commits': (container) => new CosmosLogBrowser(container).newest({}, 1),
  'a search for streams': (container) => new CosmosLogBrowser(container).streams('order', 1),
  'a search for a correlation': (container) => new CosmosLogBrowser(container).correlated('c', 1),
  'a read of its end': (container) => new CosmosLogBrowser(container).end(),
  'a read of its clock': (container) => storeTime(container),
  'an append': (container) => new CosmosEventStore(container).append(EMPTY_STREAM, [commit('k', events)]),
  'an append to a stream': (container) => new CosmosEventStore(container).append(readHead(events), [commit('k', next)]),
  'a receipt': (container) => new CosmosEventStore(container).append(EMPTY_STREAM, [receipt('order-1', 'k', 0)]),
  'a count of all events': (container) => new CosmosEventFeed(container).count(),
  'a read of the feed': (container) => new CosmosEventFeed(container).open().next(),
})
missingContainerSuite('view', { partitionKey: '/pk', ...ofView }, () => database, {
  'a read of a document': (container) => new CosmosViewStore(both(container), 1, 60).read('a'),
  'a write with a cursor': (container) => new CosmosViewStore(both(container), 1, 60).writeDocument('a', write, tip),
  'a write in bulk': (container) =>
    new CosmosViewStore(both(container), 1, 60, new BulkWriter(container)).writeDocument('a', write, tip),
  'a replacing write': (container) =>
    new CosmosViewStore(both(container), 1, 60).writeDocument('a', { ...write, etag: '"1"' }, tip),
  'a write with applied markers': (container) =>
    new CosmosViewStore(both(container), 1, 60).writeWithMarkers('a', write, ['order-1@1']),
  'a replacing write with applied markers': (container) =>
    new CosmosViewStore(both(container), 1, 60).writeWithMarkers('a', { ...write, etag: '"1"' }, ['order-1@1']),
  'a read of applied markers': (container) =>
    new CosmosViewStore(both(container), 1, 60).readMarkers('a', ['order-1@1']),
  'a read of a cursor': (container) => new CosmosViewStore(both(container), 1, 60).readCursor('order-1'),
  'a write of a cursor': (container) =>
    new CosmosViewStore(both(container), 1, 60).writeCursor('order-1', tip, undefined),
  'a list': (container) => new CosmosViewStore(both(container), 1, 60).list({ filter: {}, limit: 1 }),
  'a read of a pointer': (container) => generations(container).readPointer(container.id),
  'a write of a pointer': (container) => generations(container).writePointer(container.id, { live: 1 }, undefined),
  'a search for the progress of other views': (container) => all(generations(container).passed(container.id, 1)),
  'a sweep': (container) => generations(container).sweep(container.id, { live: 1 }),
})
missingContainerSuite('progress', { partitionKey: '/pk' }, () => database, {
  'a read': (container) => new CosmosProgress(container, 'c').read(),
  'a write': (container) =>
    new CosmosProgress(container, 'c').write({
      instance: 'i',
      build: 'b',
      handlers: [],
      paused: [],
      partitions: new Map(),
    }),
  'a removal': (container) => new CosmosProgress(container, 'c').remove('i'),
})
const waits: ParkedStream = {
  handler: 'h',
  stream: 'order-1',
  version: 1,
  type: 't',
  last: 1,
  code: 'handler-failed',
  reason: '',
  build: 'b',
  since: '2026-01-01T00:00:00.000Z',
  attempts: 1,
  nextAttempt: '2026-01-01T00:00:00.000Z',
  events: 0,
  bytes: 0,
}
missingContainerSuite('parked', { partitionKey: '/pk' }, () => database, {
  'a read of all': (container) => new CosmosParking(container, 'c').streams(),
  'a read of one': (container) => new CosmosParking(container, 'c').stream(waits),
  'a read of events': (container) => new CosmosParking(container, 'c').events(waits, 1),
  'a write': (container) => new CosmosParking(container, 'c').write(waits, undefined, {}),
  'a removal': (container) => new CosmosParking(container, 'c').remove(waits, 'etag', {}),
  'a message': (container) =>
    new CosmosParking(container, 'c').keepMessage({
      id: 'm',
      place: { hub: 'h', partition: '0' },
      code: 'event-unreadable',
      reason: '',
      body: '',
      bytes: 0,
      since: waits.since,
    }),
})
missingContainerSuite('schedule', { partitionKey: '/pk' }, () => database, {
  'an addition': (container) => new CosmosSchedule(container).add(scheduled),
  'a search for due commands': (container) => all(new CosmosSchedule(container).due(1)),
  'a removal': (container) => new CosmosSchedule(container).remove(scheduled),
})
missingContainerSuite('snapshots', { partitionKey: '/stream', ...ofSnapshots }, () => database, {
  'a read': (container) => new CosmosSnapshots(container).read('order-1', '1-a'),
  'a write': (container) =>
    new CosmosSnapshots(container).write('order-1', '1-a', { state: '{}', head: { ...tip, commit: 1 } }),
})

const newLog = async () =>
  (await database.containers.create({ id: randomUUID(), partitionKey: '/stream', ...ofLog })).container
eventFeedSuite('cosmos', async () => {
  const container = await newLog()
  return { log: new CosmosEventStore(container), feed: new CosmosEventFeed(container) }
})
logBrowserSuite('cosmos', async () => {
  const container = await newLog()
  return { log: new CosmosEventStore(container), browser: new CosmosLogBrowser(container) }
})
describe('log browser: cosmos', () => {
  it('leaves out damaged commits and other items, and refuses a continuation of another log', async () => {
    const container = await newLog()
    const browser = new CosmosLogBrowser(container)
    const end = await browser.end()
    await append(new CosmosEventStore(container), recordedTogether('order-1', placedV1))
    const damaged = { id: eventId(2), stream: 'order-1', key: 'd', from: 2, to: 2, text: '{', correlation: 'c' }
    for (const item of [damaged, { id: 'note', stream: 'order-1', key: 'note', to: 5 }])
      await container.items.create(item)
    const shown = ({ commits }: CommitPage) => commits.map(({ stream, to }) => `${stream}@${to}`)
    assert.deepEqual(shown(await browser.newest({}, 10)), ['order-1@1'])
    assert.deepEqual(shown(await browser.since(end, 10)), ['order-1@1'])
    const other = new CosmosLogBrowser(await newLog())
    await assert.rejects(other.since(end, 10), { code: 'invalid-query' })
  })
})
describe('event feed: cosmos, items that are not commits', () => {
  it('are skipped by a rebuild, while a damaged commit stops it', async () => {
    const container = await newLog()
    const store = new CosmosEventStore(container)
    const events = recordedTogether('order-1', placedV1)
    await append(store, events)
    for (const item of [
      { id: 'note', stream: 'order-1', key: 'note', to: 5 },
      { id: 'x', stream: 'x', key: 'x', text: '{}', from: 1, to: 1 },
    ])
      await container.items.create(item)
    const feed = new CosmosEventFeed(container)
    assert.deepEqual(await readRound(feed.open()), events)
    await append(store, recordedTogether('order-2', placedV1))
    const id = '0000000000000001'
    const { resource } = await container.item(id, 'order-2').read()
    await container.item(id, 'order-2').replace({ ...resource, to: 2 })
    await assert.rejects(readRound(feed.open()), { code: 'event-unreadable' })
  })
})
viewGenerationsSuite('cosmos', async () => {
  const { database: views } = await database.client.databases.create({ id: randomUUID() })
  await views.containers.create({ id: 'sales', partitionKey: '/pk', ...ofView })
  return new CosmosViewGenerations({ exact: views, relaxed: views }, 3600)
})

rebuildsSuite('cosmos', async () => {
  const { database: views } = await database.client.databases.create({ id: randomUUID() })
  await views.containers.create({ id: 'order', partitionKey: '/pk', ...ofView })
  return new CosmosRebuilds(views)
})

const COMMITS = 2_100

describe('event feed: cosmos, over a failing network', () => {
  it('loses nothing when a read fails: the next read continues after what was returned', async () => {
    const container = await newLog()
    // Two full pages and a partial one.
    await forEachLimited(
      Array.from({ length: COMMITS }, (_, index) => index),
      16,
      (index) => append(new CosmosEventStore(container), recordedTogether(`order-${index}`, placedV1)),
    )
    // In the middle of a page, at its beginning, and twice in a row.
    const failing = new Set([2, 3, 5, 7])
    let reads = 0
    const front = await failingFront(address, ({ headers }) => {
      if (headers['a-im'] === undefined) return undefined
      reads += 1
      return failing.has(reads) ? { status: 500 } : undefined
    })
    const client = new CosmosClient({
      endpoint: front.address,
      key: EMULATOR_KEY,
      connectionPolicy: { enableEndpointDiscovery: false },
    })
    try {
      const reader = new CosmosEventFeed(client.database(database.id).container(container.id)).open()
      let read = 0
      let failures = 0
      for (let over = false; !over; ) {
        try {
          const commits = await reader.next()
          read += commits?.length ?? 0
          over = commits === undefined
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'unavailable')
          failures += 1
        }
      }
      assert.equal(failures, 4)
      assert.equal(read, COMMITS)
      assert.deepEqual(await readRound(reader), [])
    } finally {
      client.dispose()
      await front.stop()
    }
  })
})

describe('cosmos: a replica that lags behind the session', () => {
  it('is reported as unavailable, and not as "no such item"', async () => {
    const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/pk', ...ofView })
    // https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-not-found
    const front = await failingFront(address, ({ method, url = '' }) =>
      method === 'GET' && url.includes('/docs/') ? { status: 404, substatus: 1002 } : undefined,
    )
    const connectionPolicy = { enableEndpointDiscovery: false }
    const client = new CosmosClient({ endpoint: front.address, key: EMULATOR_KEY, connectionPolicy })
    try {
      const view = new CosmosViewStore(both(client.database(database.id).container(container.id)), 1, 60)
      await assert.rejects(view.read('a'), { code: 'unavailable' })
    } finally {
      client.dispose()
      await front.stop()
    }
  })
})

/**
 * A proxy before the emulator that answers some requests itself. @param refuse returns the failing answer, if
 * any.
 */
async function failingFront(
  address: string,
  refuse: (incoming: IncomingMessage) => { readonly status: number; readonly substatus?: number } | undefined,
): Promise<{ address: string; stop: () => Promise<void> }> {
  const server = createServer((incoming, answer) => {
    const refused = refuse(incoming)
    if (refused) {
      const { status, substatus } = refused
      const substatusHeader = substatus === undefined ? {} : { 'x-ms-substatus': substatus }
      answer.writeHead(status, { 'content-type': 'application/json', ...substatusHeader }).end('{}')
      return
    }
    const { method, headers } = incoming
    const outgoing = request(new URL(incoming.url ?? '', address), { method, headers }, (from) => {
      answer.writeHead(from.statusCode ?? 502, from.headers)
      from.pipe(answer)
    })
    incoming.pipe(outgoing)
  })
  const port = await listen(server, 0, 'the failing front')
  return {
    address: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
