import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { HistoryRange } from '../../core/commit.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { hashEvent } from '../../core/hash-chain.ts'
import type { AnyMultiStreamView, AnyView } from '../../core/view.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryViewStore, MemoryViewStores } from '../../memory/view-store.ts'
import { projection } from '../../runtime/project.ts'
import { appendGiven } from '../../testing/append-given.ts'
import {
  address,
  cancelled,
  orderEvents,
  orderView,
  type ProductSales,
  placedV1,
  salesByProduct,
} from '../domain/orders.ts'
import { ManualClock } from '../support/fakes.ts'
import { projecting } from '../support/projecting.ts'
import { recorded } from '../support/recorded.ts'

const moved = {
  type: 'ShippingAddressChanged',
  data: { orderId: '1', shippingAddress: { ...address, city: 'Bruges' } },
}
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const histories = [
  recorded('order-1', placedV1, moved, cancelled),
  recorded('order-2', placedV1, confirmed),
  recorded('order-3', placedV1, moved, moved, cancelled),
  recorded('order-4', placedV1),
]
const everything = histories.flat()

async function createLog(events: readonly RecordedEvent[]): Promise<MemoryEventStore> {
  const log = new MemoryEventStore()
  for (const event of events) await appendGiven(log, event)
  return log
}

const HOUR_MS = 3_600_000

/** Both views of orders. The cursors are in the documents of `order`. */
async function setUp(views = new MemoryViewStores(), declared: readonly AnyView[] = [orderView, salesByProduct]) {
  await views.writePointer('sales-by-product', { live: 1, cursorsIn: 'order' }, undefined)
  const clock = new ManualClock()
  const deps = { log: await createLog(everything), views, eventTypes: orderEvents, clock }
  const tea = async (): Promise<ProductSales | undefined> =>
    (await views.store('sales-by-product', 1).read('tea'))?.document as ProductSales | undefined
  const readCursor = async (stream: string) => (await views.store('order', 1).read(stream))?.cursor
  return { receive: projecting(deps, ...declared), views, deps, tea, readCursor, clock }
}

const [first, second, third] = histories[0] ?? []
assert.ok(first && second && third)

/** Fails before it writes a cursor. */
class CrashingViewStores extends MemoryViewStores {
  crashing = true
  override store(view: string, generation: number): MemoryViewStore {
    const store = super.store(view, generation)
    const dies = async () => {
      if (this.crashing) throw new Error('crash')
    }
    const { writeDocument, writeCursor } = MemoryViewStore.prototype
    store.writeDocument = (...args) => dies().then(() => writeDocument.apply(store, args))
    store.writeCursor = (...args) => dies().then(() => writeCursor.apply(store, args))
    return store
  }
}

describe('the projection', () => {
  it('ignores an event that it has applied', async () => {
    const { receive, tea } = await setUp()
    await receive([first])
    await receive([first, first])
    assert.equal((await tea())?.quantity, 2)
  })

  for (const [where, declared] of [
    ['the document of the stream', [orderView, salesByProduct]],
    ['an item of its own', [salesByProduct]],
  ] as const)
    it(`recovers from a crash before it writes the cursor in ${where}, without counting twice`, async () => {
      const stores = new CrashingViewStores()
      if (declared.length === 1) await stores.writePointer('sales-by-product', { live: 1 }, undefined)
      const before = await setUp(stores, declared)
      await assert.rejects(before.receive([first]), /crash/)
      stores.crashing = false
      assert.partialDeepStrictEqual(await before.tea(), { quantity: 2 })
      const after = await setUp(stores, declared)
      await after.receive([first, second, third])
      assert.deepEqual(await after.tea(), { sku: 'tea', orders: 0, quantity: 0, revenue: { EUR: 0 } })
    })

  it('stores the progress of all views of a category in the cursor of the stream', async () => {
    const { receive, readCursor, views } = await setUp()
    await receive([first, second])
    const { version, hash, time } = second
    assert.deepEqual(await readCursor('order-1'), { version, hash, time, passed: { 'sales-by-product@1': 2 } })
    assert.equal(await views.store('sales-by-product', 1).readCursor('order-1'), undefined)
  })

  it('ignores a redelivered event after its applied markers have expired, whatever is cached', async () => {
    const { receive, deps, views, tea, clock } = await setUp()
    await receive([first])
    // Another instance handles the stream meanwhile.
    await projecting(deps, orderView, salesByProduct)([second, third])
    await clock.wait(30 * HOUR_MS)
    views.store('sales-by-product', 1).expireMarkers()
    await receive([second, third])
    await projecting(deps, orderView, salesByProduct)([first, second, third])
    assert.deepEqual(await tea(), { sku: 'tea', orders: 0, quantity: 0, revenue: { EUR: 0 } })
  })

  it('blocks only the view that fails, and redelivers the events only to it', async () => {
    let broken = true
    const failing: AnyMultiStreamView = {
      ...salesByProduct,
      evolve(document, event, key) {
        if (broken) throw new TypeError('no such field')
        return salesByProduct.evolve(document, event, key)
      },
    }
    const { receive, readCursor, views, tea, clock } = await setUp(undefined, [orderView, failing])
    await assert.rejects(receive([first, second]), /no such field/)
    assert.partialDeepStrictEqual(await readCursor('order-1'), { version: 2, passed: { 'sales-by-product@1': 0 } })
    broken = false
    await clock.wait(30 * HOUR_MS)
    views.store('sales-by-product', 1).expireMarkers()
    await receive([second])
    assert.partialDeepStrictEqual(await tea(), { quantity: 2 })
    assert.partialDeepStrictEqual(await readCursor('order-1'), { version: 2, passed: { 'sales-by-product@1': 2 } })
  })

  for (const [what, declared, message] of [
    [
      'one stream',
      { ...orderView, evolve: () => ({ lines: [{ at: new Date(0) }] }) as never } satisfies AnyView,
      /^order makes a document order-1 that JSON does not keep: \/lines\/0\/at: a Date is not JSON/,
    ],
    [
      'many streams',
      { ...salesByProduct, evolve: () => new Map() as never } satisfies AnyView,
      /^sales-by-product makes a document (tea|cup) that JSON does not keep: \/: a Map is not JSON/,
    ],
  ] as const)
    it(`never writes a document of ${what} that JSON does not keep, and blocks only its view`, async () => {
      const others: readonly AnyView[] = [orderView, salesByProduct].filter(({ name }) => name !== declared.name)
      const { receive, views } = await setUp(undefined, [...others, declared])
      await assert.rejects(receive([first]), { code: 'handler-failed', message })
      const key = (name: string): string => (name === 'order' ? 'order-1' : 'tea')
      const readDocument = async ({ name }: AnyView) => (await views.store(name, 1).read(key(name)))?.document
      assert.equal(await readDocument(declared), undefined)
      for (const other of others) assert.notEqual(await readDocument(other), undefined)
    })

  it('writes and caches a document in its JSON form', async () => {
    const seen: unknown[] = []
    const view: AnyView = {
      ...orderView,
      evolve: (document: unknown) => {
        seen.push(document)
        return { note: undefined, zero: -0, large: 1e300, status: 'placed', updatedAt: '' }
      },
      sort: () => '',
    }
    const { receive, views } = await setUp(undefined, [view])
    await receive([first])
    await receive([second])
    const expected = { zero: 0, large: 1e300, status: 'placed', updatedAt: '' }
    assert.deepStrictEqual(seen, [undefined, expected])
    assert.deepStrictEqual((await views.store('order', 1).read('order-1'))?.document, expected)
  })

  it('stores the progress of other views when the view with the cursors fails', async () => {
    const failing: AnyView = {
      ...orderView,
      evolve: () => {
        throw new TypeError('no such field')
      },
    }
    const { receive, readCursor, deps, views, tea, clock } = await setUp(undefined, [failing, salesByProduct])
    await assert.rejects(receive([first]), /no such field/)
    assert.partialDeepStrictEqual(await readCursor('order-1'), { version: 0, passed: { 'sales-by-product@1': 1 } })
    await clock.wait(30 * HOUR_MS)
    views.store('sales-by-product', 1).expireMarkers()
    await projecting(deps, orderView, salesByProduct)([first, second])
    assert.partialDeepStrictEqual(await tea(), { quantity: 2 })
    assert.partialDeepStrictEqual(await readCursor('order-1'), { version: 2, passed: { 'sales-by-product@1': 2 } })
  })

  it("gives a new view its streams' earlier events, and keeps its progress in an older build", async () => {
    const added: AnyView = { ...salesByProduct, name: 'sales-too' }
    const { deps, views, receive: older, readCursor } = await setUp()
    await views.writePointer('sales-too', { live: 1, cursorsIn: 'order' }, undefined)
    await older([first])
    const newer = projecting(deps, orderView, salesByProduct, added)
    await newer([second])
    await older([third])
    assert.deepEqual((await readCursor('order-1'))?.passed, { 'sales-by-product@1': 3, 'sales-too@1': 2 })
    await newer([third])
    const [one, other] = await Promise.all(
      ['sales-by-product', 'sales-too'].map((view) => views.store(view, 1).read('tea')),
    )
    assert.deepEqual(other?.document, one?.document)
  })

  it('stops a view whose cursors are in a removed view, and logs one line with the remedy', async () => {
    const { deps, tea } = await setUp()
    const { handle } = projection(deps, [{ ...orderView, name: 'orders' }, salesByProduct])
    const lines: string[] = []
    for (const event of [first, second])
      await handle([event], {
        trace: (line, level) => {
          lines.push(`${level}: ${line}`)
        },
      })
    assert.equal(await tea(), undefined)
    assert.deepEqual(lines, [
      'error: the view sales-by-product has its cursors in order, a view that this code does not have. ' +
        'It is not updated until it is rebuilt: npm run replay -- <service> sales-by-product',
    ])
  })

  it('fills a gap from the log', async () => {
    const { receive, views } = await setUp()
    await receive([third])
    const document = await views.store('order', 1).read('order-1')
    assert.equal(document?.cursor?.version, 3)
    assert.partialDeepStrictEqual(document?.document, { status: 'cancelled', shippingAddress: { city: 'Bruges' } })
  })

  it('fills several gaps with one read, and compares what arrived between and after them', async () => {
    const { deps, views } = await setUp()
    const [a, b, c, d] = histories[2] ?? []
    assert.ok(a && b && c && d)
    const asked: HistoryRange[] = []
    const { log } = deps
    const readRange: typeof log.readRange = (stream, range) => {
      asked.push(range)
      return log.readRange(stream, range)
    }
    const gaps = projecting({ ...deps, log: { readRange } as typeof log }, orderView)
    const [, other] = recorded('order-3', placedV1, confirmed)
    assert.ok(other)
    await assert.rejects(gaps([other, d]), { code: 'fork-detected', message: /order-3@2/ })
    const { hash: _, ...changed } = { ...d, actor: 'another' }
    await assert.rejects(gaps([b, { ...changed, hash: hashEvent(changed) }]), { message: /order-3@4/ })
    assert.equal(await views.store('order', 1).read('order-3'), undefined)
    asked.length = 0
    await gaps([b, d])
    assert.equal((await views.store('order', 1).read('order-3'))?.cursor?.hash, d.hash)
    assert.deepEqual(asked, [{ direction: 'forward', after: 0, limit: 4 }])
  })

  it('blocks the batch at a gap that the log cannot fill', async () => {
    const { receive } = await setUp()
    const [a, b, c] = recorded('order-9', placedV1, moved, confirmed)
    assert.ok(a && b && c)
    await receive([a])
    await assert.rejects(receive([c]), { code: 'gap-unfilled' })
  })

  it('refuses a fork, the same version with another hash, and changes nothing', async () => {
    const { receive, readCursor } = await setUp()
    await receive([first, second])
    const [, otherSecond, otherThird] = recorded('order-1', placedV1, confirmed, moved)
    assert.ok(otherSecond && otherThird)
    await assert.rejects(receive([otherSecond]), { code: 'fork-detected' })
    await assert.rejects(receive([otherThird]), { code: 'fork-detected' })
    assert.equal((await readCursor('order-1'))?.version, 2)
  })

  it('notices a stream that was restored and rewritten before it reaches the old end', async () => {
    const { receive, readCursor } = await setUp()
    await receive([first, second, third])
    const [, rewritten] = recorded('order-1', placedV1, confirmed)
    assert.ok(rewritten)
    const { hash: _, ...later } = { ...rewritten, time: '2026-01-01T01:00:00.000Z' }
    await assert.rejects(receive([{ ...later, hash: hashEvent(later) }]), { code: 'fork-detected' })
    assert.equal((await readCursor('order-1'))?.version, 3)
  })

  it('blocks the batch at an unknown event', async () => {
    const { receive } = await setUp()
    await assert.rejects(receive(recorded('order-7', { type: 'OrderLost', data: {} })), { code: 'event-unknown' })
  })

  it('ignores events of other categories in the hub', async () => {
    const { receive, views } = await setUp()
    await receive(recorded('basket-1', { type: 'BasketFilled', data: {} }))
    assert.equal(await views.store('order', 1).read('basket-1'), undefined)
  })

  it('applies more events to one document than one write can hold, each once', async () => {
    const { receive, tea } = await setUp()
    const many = Array.from({ length: 250 }, (_, index) => recorded(`order-many${index}`, placedV1)).flat()
    await receive(many)
    await receive(many)
    assert.deepEqual(await tea(), { sku: 'tea', orders: 250, quantity: 500, revenue: { EUR: 225_000 } })
  })

  it('has the same result however batches are cut, repeated and mixed', async () => {
    const plain = await setUp()
    await plain.receive(everything)
    const wanted = await snapshot(plain.views)
    await fc.assert(
      fc.asyncProperty(deliveries(), async (batches) => {
        const { receive, views } = await setUp()
        for (const batch of batches) await receive(batch)
        assert.deepEqual(await snapshot(views), wanted)
      }),
      { numRuns: 200 },
    )
  })

  it('applies each event once while two instances own the same partition', async () => {
    const plain = await setUp()
    await plain.receive(everything)
    const wanted = await snapshot(plain.views)
    await fc.assert(
      fc.asyncProperty(deliveries(), deliveries(), async (one, other) => {
        const views = new MemoryViewStores()
        const run = async (batches: RecordedEvent[][]): Promise<void> => {
          const { receive } = await setUp(views)
          // As with the trigger's retry policy, a batch is redelivered until it succeeds.
          for (const batch of batches)
            for (let attempt = 0; ; attempt += 1) {
              try {
                await receive(batch)
                break
              } catch (error) {
                if (attempt > 20 || (error as { code?: string }).code !== 'view-contended') throw error
              }
            }
        }
        await Promise.all([run(one), run(other)])
        assert.deepEqual(await snapshot(views), wanted)
      }),
      { numRuns: 100 },
    )
  })
})

/**
 * All streams interleaved at random, each in order, and cut into batches, some of which are repeated or start over.
 */
function deliveries(): fc.Arbitrary<RecordedEvent[][]> {
  return fc
    .tuple(
      fc.array(fc.nat(histories.length - 1), { minLength: 20, maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 5 })),
      fc.array(fc.nat(12), { maxLength: 6 }),
    )
    .map(([choices, cuts, rewinds]) => {
      const queues = histories.map((history) => [...history])
      const order = choices.flatMap((choice) => queues[choice]?.shift() ?? []).concat(queues.flat())
      const batches: RecordedEvent[][] = []
      for (let start = 0, cut = 0; start < order.length; cut += 1) {
        const size = cuts[cut] ?? 3
        batches.push(order.slice(start, start + size))
        start += size
      }
      for (const rewind of rewinds) {
        const at = Math.min(rewind, batches.length)
        batches.splice(at, 0, ...batches.slice(Math.max(0, at - 2), at))
      }
      return batches
    })
}

async function snapshot(views: MemoryViewStores): Promise<unknown> {
  const [orders, sales] = [views.store('order', 1), views.store('sales-by-product', 1)]
  const documents = await Promise.all(histories.map((_, index) => orders.read(`order-${index + 1}`)))
  return {
    orders: documents.map((document) => [document?.document, document?.cursor]),
    sales: (await sales.list({ filter: {}, limit: 100 })).map((item) => item.document),
  }
}
