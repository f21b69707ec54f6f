import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { CosmosClient } from '@azure/cosmos'
import { startControlled } from '../../../cosmos/test/controlled-emulator.ts'
import { cosmosClient } from '../../cosmos/client.ts'
import { CosmosViewGenerations } from '../../cosmos/view-generations.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { LiveViews } from '../../runtime/live-views.ts'
import { listDocuments, readDocument } from '../../runtime/query.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { cancelled, orderEvents, orderView, placedV1, salesByProduct } from '../domain/orders.ts'
import { ManualClock } from '../support/fakes.ts'
import { projecting } from '../support/projecting.ts'
import { recorded } from '../support/recorded.ts'

const [placed, cancelling] = recorded('order-1', placedV1, cancelled)
assert.ok(placed && cancelling)
const HOUR_MS = 3_600_000

/** The settings of a view's container besides its key: an index for the list. */
const ofView = {
  partitionKey: '/pk',
  defaultTtl: -1,
  indexingPolicy: {
    compositeIndexes: [['/kind', '/generation', '/sort'].map((path) => ({ path, order: 'descending' as const }))],
  },
}

describe('views on a lagging replica, over the SDK', () => {
  it('are never older than a requested position, and apply no event twice', async (t) => {
    const endpoint = await startControlled(t)
    const { target, call } = endpoint
    const connection = `AccountEndpoint=${target.endpoint};AccountKey=${target.key}`
    const name = randomUUID()
    const admin = new CosmosClient({ endpoint: target.endpoint, key: target.key })
    t.after(() => admin.dispose())
    const { database } = await admin.databases.create({ id: name })
    for (const id of ['order', 'sales-by-product']) await database.containers.create({ id, ...ofView })

    /** An instance with its own clients, sessions and caches. */
    const instance = () => {
      const clients = [
        cosmosClient({ connectionString: connection }),
        cosmosClient({ connectionString: connection }, { consistency: 'Session' }),
      ]
      t.after(() => {
        for (const client of clients) client.dispose()
      })
      const [exact, relaxed] = clients.map((client) => client.database(name))
      assert.ok(exact && relaxed)
      const clock = new ManualClock()
      const views = new LiveViews(new CosmosViewGenerations({ exact, relaxed }, 3600), clock, (view) =>
        view === 'sales-by-product' ? 'order' : undefined,
      )
      const project = projecting({ log, views, eventTypes: orderEvents, clock }, orderView, salesByProduct)
      return { project, clock, queries: { views, clock, maxWait: 0 } }
    }
    const log = new MemoryEventStore()
    for (const event of [placed, cancelling]) await appendGiven(log, event)

    const [writer, reader] = [instance(), instance()]
    await writer.project([placed])
    // The reader's session begins, and then the replica that it reads from starts to lag.
    await readDocument(reader.queries, salesByProduct, 'tea')
    const lagging = { seed: 1, faults: [{ kind: 'lagging-replica', rate: 1, database: name }] }
    assert.equal((await call('PUT', '/faults', lagging)).status, 200)
    await writer.project([cancelling])

    const position = { stream: 'order-1', version: 2 }
    const old = await readDocument(reader.queries, salesByProduct, 'tea')
    assert.partialDeepStrictEqual(old?.document, { quantity: 2 }, 'the fault is active')
    assert.partialDeepStrictEqual((await readDocument(reader.queries, salesByProduct, 'tea', [position]))?.document, {
      quantity: 0,
    })
    assert.partialDeepStrictEqual((await readDocument(reader.queries, orderView, 'order-1', [position]))?.document, {
      status: 'cancelled',
    })
    for (const [view, expected] of [
      [salesByProduct, { quantity: 0 }],
      [orderView, { status: 'cancelled' }],
    ] as const) {
      const { documents } = await listDocuments(reader.queries, view, { filter: {}, limit: 1 }, [position])
      assert.partialDeepStrictEqual(documents[0], expected)
    }

    // A new instance receives both events again, after the applied markers have expired.
    const late = instance()
    await late.clock.wait(30 * HOUR_MS)
    await late.project([placed, cancelling])
    const tea = await readDocument(writer.queries, salesByProduct, 'tea', [position])
    assert.partialDeepStrictEqual(tea?.document, { quantity: 0, orders: 0 })
    assert.ok((await call('GET', '/faults')).body.counts[0] > 0)
  })
})
