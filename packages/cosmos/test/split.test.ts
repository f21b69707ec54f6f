import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BulkOperationType, ChangeFeedStartFrom, type Container, type FeedRange } from '@azure/cosmos'
import { newFolder, startControlled } from './controlled-emulator.ts'
import { buildItemsPath, createClient, newContainer, sendRaw } from './support.ts'

/** A container of an emulator that splits its ranges on request. */
async function splittable(t: TestContext, settings = {}) {
  const folder = await newFolder(t)
  const running = await startControlled(t, folder)
  const container = await newContainer(t, running.target, settings)
  const split = async (range: string): Promise<readonly string[]> => {
    const path = `/databases/${container.database.id}/containers/${container.id}/ranges/${range}/split`
    const { status, body } = await running.call('POST', path)
    assert.equal(status, 200, JSON.stringify(body))
    return body.ranges
  }
  return { ...running, folder, container, split }
}

const makeIds = (n: number): string[] => Array.from({ length: n }, (_, index) => String(index).padStart(3, '0'))

async function fill(container: Container, ids: readonly string[]): Promise<void> {
  for (const id of ids) await container.items.create({ id, pk: id, n: Number(id) })
}

/** Reads a feed from a start to its end. */
async function read(container: Container, start: ChangeFeedStartFrom): Promise<{ ids: string[]; token: string }> {
  const feed = container.items.getChangeFeedIterator({ changeFeedStartFrom: start, maxItemCount: 5 })
  const ids: string[] = []
  for (let quiet = 0; ; ) {
    const { statusCode, result, continuationToken } = await feed.readNext()
    ids.push(...(result ?? []).map(({ id }) => id))
    quiet = statusCode === 304 ? quiet + 1 : 0
    // With several ranges, each reports its own end.
    if (quiet > 4) return { ids, token: continuationToken }
  }
}

test('a split range is a 410/1002 to a request that names it, and the parent of its halves', async (t) => {
  const { target, container, split } = await splittable(t)
  assert.deepEqual(await split('0'), ['1', '2'])
  assert.deepEqual(await split('2'), ['3', '4'])
  const path = `dbs/${container.database.id}/colls/c`
  const { text } = await sendRaw(target, 'GET', `${path}/pkranges`)
  const ranges = JSON.parse(text).PartitionKeyRanges.map(
    ({ id, minInclusive, maxExclusive, parents }: Record<string, unknown>) => [id, minInclusive, maxExclusive, parents],
  )
  const [half, threeQuarters] = [`20${'0'.repeat(30)}`, `30${'0'.repeat(30)}`]
  assert.deepEqual(ranges, [
    ['1', '', half, ['0']],
    ['3', half, threeQuarters, ['0', '2']],
    ['4', threeQuarters, 'FF', ['0', '2']],
  ])
  for (const range of ['0', '2', '7']) {
    const named = { 'a-im': 'Incremental Feed', 'x-ms-documentdb-partitionkeyrangeid': range }
    const { status, headers } = await sendRaw(target, 'GET', buildItemsPath(container), named)
    assert.deepEqual([status, headers['x-ms-substatus']], [410, '1002'])
  }
})

test('the SDK reads every item once by the feed ranges from before a split and from after it', async (t) => {
  const { container, split } = await splittable(t)
  const ids = makeIds(40)
  await fill(container, ids)
  const before = await container.getFeedRanges()
  await split('0')
  await split('1')
  const after = await container.getFeedRanges()
  assert.deepEqual([before.length, after.length], [1, 3])
  for (const ranges of [before, after]) {
    const found = await Promise.all(
      ranges.map((range: FeedRange) => read(container, ChangeFeedStartFrom.Beginning(range))),
    )
    assert.ok(found.every((one) => one.ids.length > 0))
    assert.deepEqual(found.flatMap((one) => one.ids).sort(), ids)
  }
})

test('a feed resumes from its token across a split: nothing is missing and nothing comes twice', async (t) => {
  const { container, split } = await splittable(t)
  const ids = makeIds(60)
  await fill(container, ids.slice(0, 20))
  const first = await read(container, ChangeFeedStartFrom.Beginning())
  assert.deepEqual(first.ids, ids.slice(0, 20))
  await split('0')
  await fill(container, ids.slice(20, 40))
  const second = await read(container, ChangeFeedStartFrom.Continuation(first.token))
  assert.deepEqual(second.ids.sort(), ids.slice(20, 40))
  await split('2')
  await fill(container, ids.slice(40))
  const third = await read(container, ChangeFeedStartFrom.Continuation(second.token))
  assert.deepEqual(third.ids.sort(), ids.slice(40))
})

test('the SDK’s bulk, batches, point reads and queries find their items after a split unknown to it', async (t) => {
  const { container, split } = await splittable(t)
  const ids = makeIds(50)
  await fill(container, ids.slice(0, 10))
  const create = (id: string) => ({
    operationType: BulkOperationType.Create,
    partitionKey: id,
    resourceBody: { id, pk: id, n: Number(id) },
  })
  await container.items.executeBulkOperations(ids.slice(10, 20).map(create))
  await split('0')
  const results = await container.items.executeBulkOperations(ids.slice(20, 50).map(create))
  assert.deepEqual(
    results.map(({ response, error }) => response?.statusCode ?? error?.code),
    Array(30).fill(201),
  )
  assert.equal((await container.item('033', '033').read()).resource.n, 33)
  assert.deepEqual((await container.items.query('SELECT VALUE c.id FROM c ORDER BY c.n').fetchAll()).resources, ids)
  assert.deepEqual((await container.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()).resources, [50])
})

test('session tokens name an item’s range, and splits survive a restart', async (t) => {
  const { container, child, folder, split } = await splittable(t)
  await split('0')
  await fill(container, makeIds(20))
  const readRanges = async (of: Container): Promise<readonly string[]> => {
    const tokens = await Promise.all(
      makeIds(20).map(async (id) => String((await of.item(id, id).read()).headers['x-ms-session-token'])),
    )
    return tokens.map((token) => token.split(':')[0] ?? '')
  }
  const before = await readRanges(container)
  assert.deepEqual([...new Set(before)].sort(), ['1', '2'])
  await child.stop()
  const again = await startControlled(t, folder)
  const same = createClient(t, again.target).database(container.database.id).container('c')
  assert.deepEqual(await readRanges(same), before)
})

test('the ranges of a hierarchical key split by its first component: equal beginnings stay together', async (t) => {
  const partitionKey = { paths: ['/tenant', '/user'], kind: 'MultiHash', version: 2 }
  const { container, split } = await splittable(t, { partitionKey })
  await split('0')
  const tenants = makeIds(12)
  for (const tenant of tenants)
    for (const user of ['a', 'b', 'c']) await container.items.create({ id: user, tenant, user })
  const ranges = await container.getFeedRanges()
  const found = await Promise.all(
    ranges.map(async (range) => {
      const feed = container.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(range) })
      return ((await feed.readNext()).result as unknown as { tenant: string }[]).map(({ tenant }) => tenant)
    }),
  )
  assert.equal(found.flat().length, 36)
  const [left = [], right = []] = found.map((some) => new Set(some))
  assert.deepEqual([...left, ...right].sort(), tenants)
})
