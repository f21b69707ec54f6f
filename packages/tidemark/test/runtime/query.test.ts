import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { listDocuments, type QueryDependencies, readDocument } from '../../runtime/query.ts'
import { orderView, salesByProduct } from '../domain/orders.ts'
import { ManualClock } from '../support/fakes.ts'

const at = (version: number) => ({ stream: 'order-1', version })
const tip = (version: number) => ({ version, hash: String(version), time: '2026-01-01T00:00:00.000Z' })

async function setUp() {
  const views = new MemoryViewStores()
  const deps: QueryDependencies = { views, clock: new ManualClock(), maxWait: 1000 }
  const store = await views.live('order')
  await store.writeDocument(
    'order-1',
    { document: { orderId: '1', status: 'placed' }, sort: 'a', etag: undefined },
    tip(1),
  )
  return { views, deps, store }
}

describe('a query', () => {
  it('reports that the view lags instead of returning an older document than requested', async () => {
    const { deps } = await setUp()
    await assert.rejects(readDocument(deps, orderView, 'order-1', [at(2)]), { code: 'view-behind', retriable: true })
    await assert.rejects(listDocuments(deps, orderView, { filter: {}, limit: 1 }, [at(2)]), { code: 'view-behind' })
    await assert.rejects(readDocument(deps, salesByProduct, 'tea', [at(1)]), { code: 'view-behind' })
  })

  it('answers as soon as the view has reached the position', async () => {
    const { deps, store } = await setUp()
    const answer = readDocument(deps, orderView, 'order-1', [at(2)])
    const before = await store.read('order-1')
    await store.writeDocument(
      'order-1',
      { document: { orderId: '1', status: 'confirmed' }, sort: 'a', etag: before?.etag },
      tip(2),
    )
    assert.deepEqual((await answer)?.document, { orderId: '1', status: 'confirmed' })
  })

  it('continues to wait in the generation that is promoted meanwhile', async () => {
    const { deps, views } = await setUp()
    const answer = readDocument(deps, orderView, 'order-1', [at(2)])
    await views.store('order', 2).writeDocument('order-1', { document: 'new', sort: 'a', etag: undefined }, tip(2))
    await views.writePointer('order', { live: 2 }, undefined)
    assert.equal((await answer)?.document, 'new')
  })

  it('waits for the named stream in a multi-stream view', async () => {
    const { deps, views } = await setUp()
    await (await views.live('sales-by-product')).writeCursor('order-1', tip(3), undefined)
    assert.equal(await readDocument(deps, salesByProduct, 'tea', [at(3)]), undefined)
  })

  it('refuses a position of a stream that the view does not follow', async () => {
    const { deps } = await setUp()
    await assert.rejects(readDocument(deps, orderView, 'order-1', [{ stream: 'basket-1', version: 1 }]), {
      code: 'invalid-position',
    })
  })

  it('continues a list at the end of the last page, although documents change meanwhile', async () => {
    const { deps, store } = await setUp()
    const add = (key: string) =>
      store.writeDocument(key, { document: { key, status: 'placed' }, sort: key, etag: undefined }, tip(1))
    for (const key of ['b', 'c', 'd', 'e']) await add(key)
    const first = await listDocuments(deps, orderView, { filter: { status: 'placed' }, limit: 2 })
    assert.deepEqual(first.documents, [
      { key: 'e', status: 'placed' },
      { key: 'd', status: 'placed' },
    ])
    await add('f')
    assert.ok(first.continuation)
    const second = await listDocuments(deps, orderView, {
      filter: { status: 'placed' },
      limit: 3,
      continuation: first.continuation,
    })
    assert.equal(second.documents.length, 3)
    assert.deepEqual(second.documents[0], { key: 'c', status: 'placed' })
    assert.equal(second.continuation, undefined)
  })

  it('refuses an unknown filter, value or continuation', async () => {
    const { deps } = await setUp()
    const refused = (query: object) =>
      assert.rejects(listDocuments(deps, orderView, { filter: {}, limit: 1, ...query }), { code: 'invalid-query' })
    await refused({ filter: { customerId: 'x' } })
    await refused({ filter: { status: 'lost' } })
    await refused({ continuation: '!' })
    await refused({ continuation: '' })
  })
})
