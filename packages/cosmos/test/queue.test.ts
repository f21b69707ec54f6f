import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Failure } from '../api/failure.ts'
import type { Request } from '../http/requests.ts'
import { readFeed } from '../items/change-feed.ts'
import { Items } from '../items/items.ts'
import { Catalog } from '../resources/catalog.ts'
import { ALL_KEYS } from '../resources/feed-range.ts'
import { batch, bulk, createItem } from '../routes/item-routes.ts'
import { Store } from '../store/store.ts'
import { newFolder } from './controlled-emulator.ts'

/** Writes that wait in one turn share a commit. They run in the test's process, to share it for certain. */
async function start(t: TestContext, settings = {}) {
  const folder = await newFolder(t)
  const store = new Store(folder, { fast: true })
  t.after(() => store.close())
  const [catalog, items] = [new Catalog(store), new Items(store)]
  const database = await catalog.createDatabase({ id: 'd' })
  const body = { id: 'c', partitionKey: { paths: ['/pk'] }, ...settings }
  const container = await catalog.createContainer(database, body)
  const partition = { container, pk: '["a"]' }
  const create = (id: string, more = {}) => store.write((lsn) => items.create(partition, { id, pk: 'a', ...more }, lsn))
  const ids = (): unknown[] =>
    store
      .prepare('SELECT id FROM items WHERE container = ? ORDER BY id')
      .all(container.number)
      .map(({ id }) => id)
  return { store, catalog, items, database, body, container, place: partition, create, ids }
}

const isStatus = (status: number) => (error: unknown) => error instanceof Failure && error.status === status

test('requests that wait behind their container’s deletion are a 404, even if its name is taken', async (t) => {
  const { store, catalog, items, database, body, container } = await start(t)
  const deleted = catalog.deleteContainer(container)
  const again = catalog.createContainer(database, body)
  const waiting = store.write(() => catalog.current(container))
  const account = { store, catalog, items }
  const request: Request = {
    ...{ method: 'POST', host: '', path: '', type: 'docs', link: '', bytes: 100 },
    ...{ database: 'd', container: 'c', item: undefined, offer: undefined },
    headers: { 'x-ms-documentdb-partitionkey': '["a"]' },
    body: { id: '1', pk: 'a' },
  }
  const operations = { ...request, body: [{ operationType: 'Create', resourceBody: request.body }] }
  const [created, batched, bulked] = [
    createItem(account, container, request),
    batch(account, container, operations),
    bulk(account, container, operations),
  ]
  for (const refused of await Promise.allSettled([waiting, created, batched]))
    assert.ok(refused.status === 'rejected' && isStatus(404)(refused.reason))
  assert.match(String((await bulked).text), /^\[\{"statusCode":404,.*"subStatusCode":1003/)
  await deleted
  assert.notEqual((await again).number, container.number)
})

test('a failed write leaves no trace of its changes or number, and the others in its commit succeed', async (t) => {
  const {
    store,
    items,
    place: partition,
    create,
    ids,
  } = await start(t, { uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/u'] }] } })
  const before = store.lsn
  const failing = store.write((lsn) => {
    items.create(partition, { id: '2', pk: 'a', u: 'x' }, lsn)
    throw new Failure(400, 'BadRequest', 'after a change')
  })
  const [first, , third] = [create('1', { u: 1 }), assert.rejects(failing, isStatus(400)), create('3', { u: 'x' })]
  await Promise.all([first, third, failing.catch(() => {})])
  assert.deepEqual(ids(), ['1', '3'])
  assert.equal(store.lsn, before + 2)
  assert.deepEqual(
    store
      .prepare('SELECT lsn FROM items ORDER BY id')
      .all()
      .map(({ lsn }) => lsn),
    [before + 1, before + 2],
  )
})

test('a sweep removes only what expired, in as many commits as it takes', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 })
  const { items, create, ids } = await start(t, { defaultTtl: -1 })
  for (let n = 0; n < 7; n++) await create(`short ${n}`, { ttl: 5 })
  await create('long', { ttl: 50 })
  await create('none')
  await items.sweep(2)
  assert.equal(ids().length, 9)
  t.mock.timers.setTime(1_700_000_005_000)
  await items.sweep(2)
  assert.deepEqual(ids(), ['long', 'none'])
})

test('a part of a container includes its lowest effective partition key and excludes its highest', async (t) => {
  const { store, container, create } = await start(t)
  await create('1')
  const epk = String(store.prepare('SELECT epk FROM items').get()?.epk)
  const found = (min: string, max: string): number => {
    const feedRange = { container, key: ALL_KEYS, epks: { min, max } }
    return readFeed(store, feedRange, { ifNoneMatch: undefined, ifModifiedSince: undefined }, 10).items.length
  }
  assert.deepEqual([found('', epk), found(epk, 'FF'), found('', 'FF')], [0, 1, 1])
})
