import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MemoryEventStore } from '../../../src/adapters/memory/event-store.ts'
import { MemoryViewStore, MemoryViewStores } from '../../../src/adapters/memory/view-store.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import type { StreamHead } from '../../../src/core/hash-chain.ts'
import type { ViewStores, WriteResult } from '../../../src/core/ports.ts'
import { projection } from '../../../src/flow/project.ts'
import { orderEvents } from '../../../src/services/ordering/events.ts'
import { orderView } from '../../../src/services/ordering/order-view.ts'
import { type ProductSales, salesByProduct } from '../../../src/services/ordering/sales-by-product.ts'
import { appendGiven } from '../../../src/testing/append-given.ts'
import { address, cancelled, placedV1 } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'

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

async function logOf(events: readonly RecordedEvent[]): Promise<MemoryEventStore> {
  const log = new MemoryEventStore()
  for (const event of events) await appendGiven(log, event)
  return log
}

async function setUp(views: ViewStores = new MemoryViewStores()) {
  const deps = { log: await logOf(everything), views, eventTypes: orderEvents }
  const [orders, sales] = [projection(deps, orderView), projection(deps, salesByProduct)]
  const receive = async (
    events: readonly RecordedEvent[],
    view: 'order' | 'sales' | 'both' = 'both',
  ): Promise<void> => {
    if (view !== 'sales') await orders(events)
    if (view !== 'order') await sales(events)
  }
  const tea = async (): Promise<ProductSales | undefined> =>
    (await (await views.live('sales-by-product')).read('tea'))?.document as ProductSales | undefined
  return { receive, views, tea }
}

const [first, second, third] = histories[0] ?? []
assert.ok(first && second && third)

/** Dies before it writes a position. */
class CrashingViewStore extends MemoryViewStore {
  crashing = true
  override async writePosition(stream: string, tip: StreamHead, etag: string | undefined): Promise<WriteResult> {
    if (this.crashing) throw new Error('crash')
    return super.writePosition(stream, tip, etag)
  }
}

describe('projection', () => {
  it('an event that came before takes no effect', async () => {
    const { receive, tea } = await setUp()
    await receive([first])
    await receive([first, first])
    assert.equal((await tea())?.quantity, 2)
  })

  it('a crash between the documents and the positions is made good without counting twice', async () => {
    const store = new CrashingViewStore()
    const stores: ViewStores = { live: async () => store, written: async () => [store] }
    const before = await setUp(stores)
    await assert.rejects(before.receive([first], 'sales'), /crash/)
    store.crashing = false
    assert.partialDeepStrictEqual((await store.read('tea'))?.document, { quantity: 2 })
    const after = await setUp(stores)
    await after.receive([first, second, third], 'sales')
    assert.deepEqual(await after.tea(), { sku: 'tea', orders: 0, quantity: 0, revenue: { EUR: 0 } })
  })

  it('a gap is filled from the log', async () => {
    const { receive, views } = await setUp()
    await receive([third])
    const document = await (await views.live('order')).read('order-1')
    assert.equal(document?.tip?.version, 3)
    assert.partialDeepStrictEqual(document?.document, { status: 'cancelled', shippingAddress: { city: 'Bruges' } })
  })

  it('a gap that the log cannot fill holds the batch', async () => {
    const { receive } = await setUp()
    const [a, b, c] = recorded('order-9', placedV1, moved, confirmed)
    assert.ok(a && b && c)
    await receive([a])
    await assert.rejects(receive([c]), { code: 'gap-unfilled' })
  })

  it('a fork, the same version with another hash, is refused and changes nothing', async () => {
    const { receive, views } = await setUp()
    await receive([first, second])
    const [, otherSecond, otherThird] = recorded('order-1', placedV1, confirmed, moved)
    assert.ok(otherSecond && otherThird)
    await assert.rejects(receive([otherSecond]), { code: 'fork-detected' })
    await assert.rejects(receive([otherThird]), { code: 'fork-detected' })
    assert.equal((await (await views.live('order')).read('order-1'))?.tip?.version, 2)
  })

  it('what this code does not know holds the batch', async () => {
    const { receive } = await setUp()
    await assert.rejects(receive(recorded('order-7', { type: 'OrderLost', data: {} })), { code: 'event-unknown' })
  })

  it('events of other categories of the hub are no business of a view', async () => {
    const { receive, views } = await setUp()
    await receive(recorded('basket-1', { type: 'BasketFilled', data: {} }))
    assert.equal(await (await views.live('order')).read('basket-1'), undefined)
  })

  it('more events for one document than one write takes are applied, each once', async () => {
    const { receive, tea } = await setUp()
    const many = Array.from({ length: 250 }, (_, index) => recorded(`order-many${index}`, placedV1)).flat()
    await receive(many, 'sales')
    await receive(many, 'sales')
    assert.deepEqual(await tea(), { sku: 'tea', orders: 250, quantity: 500, revenue: { EUR: 225_000 } })
  })

  it('however batches are cut, repeated and mixed: the views end as those of one run in order', async () => {
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

  it('two instances with the same partition for a while: still each event once', async () => {
    const plain = await setUp()
    await plain.receive(everything)
    const wanted = await snapshot(plain.views)
    await fc.assert(
      fc.asyncProperty(deliveries(), deliveries(), async (one, other) => {
        const views = new MemoryViewStores()
        const run = async (batches: RecordedEvent[][]): Promise<void> => {
          const { receive } = await setUp(views)
          // The trigger's retry policy: a batch comes again until it goes through.
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

/** All streams interleaved at random, in order within each, cut into batches of which some come again or start over. */
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

async function snapshot(views: ViewStores): Promise<unknown> {
  const orders = await views.live('order')
  const sales = await views.live('sales-by-product')
  return {
    orders: await Promise.all(histories.map(async (_, index) => (await orders.read(`order-${index + 1}`))?.document)),
    tips: await Promise.all(histories.map(async (_, index) => (await sales.readPosition(`order-${index + 1}`))?.tip)),
    sales: (await sales.list({ filter: {}, limit: 100 })).map((item) => item.document),
  }
}
