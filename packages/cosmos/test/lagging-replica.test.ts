import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { type ConsistencyLevel, type Container, CosmosClient } from '@azure/cosmos'
import { Failure } from '../api/failure.ts'
import { Faults } from '../faults/faults.ts'
import { LaggingReplica } from '../faults/lagging-replica.ts'
import { Catalog } from '../resources/catalog.ts'
import { Store } from '../store/store.ts'
import { type ControlledEmulator, newFolder, startControlled } from './controlled-emulator.ts'
import { buildItemsPath, captureRefusal, newContainer, type RawAnswer, sendRaw } from './support.ts'

const KEY = { 'x-ms-documentdb-partitionkey': '["a"]' }

async function setLaggingFault({ call }: ControlledEmulator, ...settings: readonly object[]): Promise<void> {
  const faults = (settings.length > 0 ? settings : [{}]).map((setting) => ({
    kind: 'lagging-replica',
    rate: 1,
    ...setting,
  }))
  const { status, body } = await call('PUT', '/faults', { seed: 1, faults })
  assert.equal(status, 200, JSON.stringify(body))
}

const readCounts = async ({ call }: ControlledEmulator): Promise<readonly number[]> =>
  (await call('GET', '/faults')).body.counts

/**
 * A client with its own session, as is the SDK's default. Without a level it reads at the account's
 * consistency.
 */
function clientAt(t: TestContext, { target }: ControlledEmulator, container: Container, level?: string): Container {
  const { endpoint, key } = target
  const client = new CosmosClient({ endpoint, key, ...(level && { consistencyLevel: level as ConsistencyLevel }) })
  t.after(() => client.dispose())
  return client.database(container.database.id).container(container.id)
}

/** What a client reads of the items, in every way there is. */
async function seenBy(container: Container): Promise<readonly unknown[]> {
  const point = async (id: string): Promise<unknown> => (await container.item(id, 'a').read()).resource?.n
  const text = (rest: string): string => `SELECT VALUE [c.id, c.n] FROM c ${rest}`
  const query = async (rest: string, partitionKey?: string): Promise<unknown> =>
    (await container.items.query(text(rest), { ...(partitionKey && { partitionKey }) }).fetchAll()).resources
  const all = (await container.items.readAll().fetchAll()).resources.map(({ id, n }) => [id, n])
  return [
    await Promise.all(['changed', 'created', 'deleted', 'kept'].map(point)),
    await query('', 'a'),
    await query('ORDER BY c.id DESC'),
    await query('WHERE c.n > 0 ORDER BY c.n'),
    all,
  ]
}

const BEFORE = [
  [1, undefined, 2, 3],
  [
    ['changed', 1],
    ['deleted', 2],
    ['kept', 3],
  ],
  [
    ['kept', 3],
    ['deleted', 2],
    ['changed', 1],
  ],
  [
    ['changed', 1],
    ['deleted', 2],
    ['kept', 3],
  ],
  [
    ['changed', 1],
    ['deleted', 2],
    ['kept', 3],
  ],
]

const AFTER = [
  [11, 4, undefined, 3],
  [
    ['changed', 11],
    ['created', 4],
    ['kept', 3],
  ],
  [
    ['kept', 3],
    ['created', 4],
    ['changed', 11],
  ],
  [
    ['kept', 3],
    ['created', 4],
    ['changed', 11],
  ],
  [
    ['changed', 11],
    ['created', 4],
    ['kept', 3],
  ],
]

async function threeItems(t: TestContext, { target }: ControlledEmulator): Promise<Container> {
  const container = await newContainer(t, target)
  for (const [index, id] of ['changed', 'deleted', 'kept'].entries())
    await container.items.create({ id, pk: 'a', n: index + 1 })
  return container
}

async function writeBy(container: Container): Promise<void> {
  await container.item('changed', 'a').replace({ id: 'changed', pk: 'a', n: 11 })
  await container.item('deleted', 'a').delete()
  await container.items.create({ id: 'created', pk: 'a', n: 4 })
}

test('lagging replica: other sessions read the old items, queries and read feeds until it is cleared', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  const [a, b] = [clientAt(t, running, container, 'Session'), clientAt(t, running, container, 'Session')]
  await setLaggingFault(running)
  await writeBy(a)
  assert.deepEqual(await seenBy(b), BEFORE)
  assert.deepEqual(await seenBy(b), BEFORE)
  assert.deepEqual(await readCounts(running), [16])
  assert.deepEqual((await running.call('DELETE', '/faults')).body, { settings: null, counts: [] })
  assert.deepEqual(await seenBy(b), AFTER)
})

test('lagging replica: a session reads its own writes, and so does any client with its token', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  const [a, b] = [clientAt(t, running, container, 'Session'), clientAt(t, running, container, 'Session')]
  await setLaggingFault(running)
  await writeBy(a)
  assert.deepEqual(await seenBy(a), AFTER)
  assert.deepEqual(await readCounts(running), [0])
  assert.equal((await b.item('changed', 'a').read()).resource?.n, 1)
  const { headers } = await a.item('kept', 'a').read()
  const sessionToken = String(headers['x-ms-session-token'])
  assert.equal((await b.item('changed', 'a').read({ sessionToken })).resource?.n, 11)
})

test('lagging replica: a session whose write was refused reads the data that caused it', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  const [a, b] = [clientAt(t, running, container, 'Session'), clientAt(t, running, container, 'Session')]
  await setLaggingFault(running)
  await writeBy(a)
  assert.equal((await b.item('created', 'a').read()).statusCode, 404)
  assert.equal((await captureRefusal(b.items.create({ id: 'created', pk: 'a', n: 5 }))).code, 409)
  assert.equal((await b.item('created', 'a').read()).resource?.n, 4)
})

test('lagging replica: reads at the account’s consistency, the change feed and batches are exact', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  await setLaggingFault(running)
  await writeBy(container)
  assert.deepEqual(await seenBy(clientAt(t, running, container)), AFTER)
  const b = clientAt(t, running, container, 'Session')
  const { result = [] } = await b.items.batch([{ operationType: 'Read', id: 'changed' }], 'a')
  assert.equal(result[0]?.resourceBody?.n, 11)
  const feed = await sendRaw(running.target, 'GET', buildItemsPath(container), {
    headers: {
      'a-im': 'Incremental Feed',
      'x-ms-consistency-level': 'Eventual',
    },
  })
  assert.deepEqual(
    JSON.parse(feed.text).Documents.map(({ id }: { id: string }) => id),
    ['kept', 'changed', 'created'],
  )
  assert.deepEqual(await readCounts(running), [0])
})

const readLsn = ({ headers }: RawAnswer): number => Number(/#(\d+)$/.exec(String(headers['x-ms-session-token']))?.[1])

test('lagging replica: etags and session tokens are of the old state, also for missing items', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  const old = await sendRaw(running.target, 'GET', `${buildItemsPath(container)}/changed`, { headers: KEY })
  await setLaggingFault(running)
  await writeBy(container)
  const get = (path: string, headers: Record<string, string> = {}) =>
    sendRaw(running.target, 'GET', path, { headers: { ...KEY, 'x-ms-consistency-level': 'Session', ...headers } })
  const changed = await get(`${buildItemsPath(container)}/changed`)
  assert.deepEqual([changed.text, changed.headers.etag], [old.text, old.headers.etag])
  const etag = String(old.headers.etag)
  const same = await get(`${buildItemsPath(container)}/changed`, { 'if-none-match': etag })
  assert.equal(same.status, 304)
  const missing = await get(`${buildItemsPath(container)}/created`)
  assert.equal(missing.status, 404)
  const meta = await get(buildItemsPath(container).replace(/\/docs$/, ''))
  for (const answer of [changed, same, missing, meta, await get(buildItemsPath(container))])
    assert.equal(readLsn(answer), readLsn(old))
  const replaced = container.item('changed', 'a').replace({ id: 'changed', pk: 'a' }, accessCondition(etag))
  assert.equal((await captureRefusal(replaced)).code, 412)
})

const accessCondition = (condition: string) => ({ accessCondition: { type: 'IfMatch', condition } })

test('lagging replica: eventual consistency and consistent prefix ignore the session token', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  await setLaggingFault(running)
  await writeBy(container)
  const { headers } = await sendRaw(running.target, 'GET', `${buildItemsPath(container)}/changed`, { headers: KEY })
  const read = async (level: string): Promise<unknown> => {
    const asked = {
      ...KEY,
      'x-ms-consistency-level': level,
      'x-ms-session-token': String(headers['x-ms-session-token']),
    }
    return JSON.parse(
      (await sendRaw(running.target, 'GET', `${buildItemsPath(container)}/changed`, { headers: asked })).text,
    ).n
  }
  assert.deepEqual(await Promise.all(['Eventual', 'ConsistentPrefix', 'Session'].map(read)), [1, 1, 11])
})

test('lagging replica: it applies to its database, container and operations, as often as its times say', async (t) => {
  const running = await startControlled(t)
  const [container, other] = [await threeItems(t, running), await threeItems(t, running)]
  const read = async (from: Container): Promise<unknown> =>
    (await clientAt(t, running, from, 'Session').item('changed', 'a').read()).resource?.n
  const query = async (from: Container): Promise<unknown> =>
    (
      await clientAt(t, running, from, 'Session')
        .items.query('SELECT VALUE c.n FROM c WHERE c.id = "changed"')
        .fetchAll()
    ).resources[0]
  await setLaggingFault(
    running,
    { database: container.database.id, container: 'c', operations: ['read-item'], times: 2 },
    { container: 'another' },
  )
  for (const one of [container, other]) await writeBy(one)
  assert.deepEqual([await read(other), await query(container), await read(container)], [11, 11, 1])
  assert.deepEqual([await read(container), await read(container)], [1, 11])
  assert.deepEqual(await readCounts(running), [2, 0])
})

test('lagging replica: setting the fault again starts from the current data', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  await setLaggingFault(running)
  await writeBy(container)
  await setLaggingFault(running)
  await container.item('changed', 'a').replace({ id: 'changed', pk: 'a', n: 111 })
  assert.deepEqual(await seenBy(clientAt(t, running, container, 'Session')), AFTER)
})

test('lagging replica: pages and an index return the old items, whatever is written between pages', async (t) => {
  const running = await startControlled(t)
  const container = await newContainer(t, running.target)
  const create = (n: number) => container.items.create({ id: String(n), pk: 'a', n, kind: n % 2 })
  const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
  await Promise.all(range(0, 200).map(create))
  const b = clientAt(t, running, container, 'Session')
  const text = 'SELECT VALUE c.n FROM c WHERE c.n >= 50 ORDER BY c.n'
  // Once before, so that the index exists. The other order has none.
  await container.items.query(text).fetchAll()
  await setLaggingFault(running)
  const pages = b.items.query<number>(text, { maxItemCount: 40 })
  const found: number[] = []
  for (let next = 200; pages.hasMoreResults(); next++) {
    found.push(...((await pages.fetchNext()).resources ?? []))
    await Promise.all([create(next), container.item(String(next - 60), 'a').delete()])
  }
  assert.deepEqual(found, range(50, 200))
  const kinds = await b.items.query('SELECT VALUE COUNT(1) FROM c WHERE c.kind = 1 AND c.n < 200').fetchAll()
  assert.deepEqual(kinds.resources, [100])
})

test('lagging replica: what a session has seen of a range counts for its halves after a split', async (t) => {
  const running = await startControlled(t)
  const container = await threeItems(t, running)
  const [a, b] = [clientAt(t, running, container, 'Session'), clientAt(t, running, container, 'Session')]
  await setLaggingFault(running)
  await writeBy(a)
  const { status } = await running.call('POST', `/databases/${container.database.id}/containers/c/ranges/0/split`)
  assert.equal(status, 200)
  assert.equal((await a.item('changed', 'a').read()).resource?.n, 11)
  assert.equal((await b.item('changed', 'a').read()).resource?.n, 1)
})

test('lagging replica: after too many writes, a read that it would answer is a 500, and no other', async (t) => {
  const store = new Store(await newFolder(t))
  t.after(() => store.close())
  const catalog = new Catalog(store)
  const database = await catalog.createDatabase({ id: 'd' })
  const container = await catalog.createContainer(database, { id: 'c', partitionKey: { paths: ['/pk'] } })
  const faults = new Faults({ seed: 1, faults: [{ kind: 'lagging-replica', rate: 1 }] })
  const replica = new LaggingReplica(store, faults, 1)
  const view = (headers: Record<string, string>) =>
    replica.findView({
      operation: 'read-item',
      container,
      target: { headers } as never,
      ranges: () => container.ranges,
    })
  const weak = { 'x-ms-consistency-level': 'Session' }
  const fill = (text: string) =>
    store.write(() => store.prepare('UPDATE databases SET etag = ?').run(text.repeat(300_000)))
  await fill('x')
  assert.ok(view(weak))
  // Different texts, because an unchanged page is not written again.
  for (const text of ['a', 'b', 'c', 'd', 'e']) await fill(text)
  assert.throws(
    () => view(weak),
    (error: unknown) => error instanceof Failure && error.status === 500 && /lagging replica/.test(error.message),
  )
  assert.equal(view({}), undefined)
})

test('lagging replica: nothing of it remains when the emulator stops', async (t) => {
  const store = new Store(await newFolder(t))
  const snapshot = store.snapshot(1_000_000)
  await store.write(() => store.prepare("UPDATE counters SET value = value WHERE name = 'lsn'").run())
  store.close()
  assert.equal(snapshot.isOpen, false)
  assert.equal(existsSync(`${store.path}-wal`), false)
})
