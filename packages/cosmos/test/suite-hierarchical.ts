import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ChangeFeedStartFrom, type Container, PartitionKeyDefinitionVersion, PartitionKeyKind } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { assertRefused, buildItemsPath, captureRefusal, newContainer, sendRaw } from './support.ts'

const PARTITION_KEY = {
  paths: ['/tenant', '/user', '/session'],
  kind: PartitionKeyKind.MultiHash,
  version: PartitionKeyDefinitionVersion.V2,
}

/** https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys */
export function hierarchicalKeys(target: () => CosmosTarget): void {
  test('an item with another, a partial or a too long hierarchical key is refused with 400', async (t) => {
    const container = await newContainer(t, target(), { partitionKey: PARTITION_KEY })
    const path = buildItemsPath(container)
    const body = '{"id":"1","tenant":"a","user":"b","session":"c"}'
    for (const key of ['["a","b","d"]', '["a","b"]', '["a"]', '[]', '["a","b","c","d"]', '["a","b",{"x":1}]'])
      assertRefused(await sendRaw(target(), 'POST', path, { 'x-ms-documentdb-partitionkey': key }, body), 400)
    assert.deepEqual((await container.items.readAll().fetchAll()).resources, [])
  })

  test('items of one id live side by side under keys that differ in any component, or lack one', async (t) => {
    const container = await newContainer(t, target(), { partitionKey: PARTITION_KEY })
    const items = [
      { id: '1', tenant: 'a', user: 'b', session: 1 },
      { id: '1', tenant: 'a', user: 'b', session: '1' },
      { id: '1', tenant: 'a', user: 'b', session: null },
      { id: '1', tenant: 'a', user: 'b' },
      { id: '1', tenant: 'a', user: 'c', session: 1 },
      { id: '1', tenant: 'ab', user: '', session: 1 },
    ]
    for (const item of items) assert.equal((await container.items.create(item)).statusCode, 201)
    assert.equal((await captureRefusal(container.items.create({ ...items[0] }))).code, 409)
    const { resource } = await container.item('1', ['a', 'b', '1']).read()
    assert.equal(resource.session, '1')
    await container.item('1', ['a', 'b', 1]).delete()
    assert.equal((await container.item('1', ['a', 'b', 1]).read()).statusCode, 404)
    assert.equal((await container.items.readAll().fetchAll()).resources.length, items.length - 1)
  })

  test('a prefix of the key reads exactly the items with that prefix, by queries and the change feed', async (t) => {
    const container = await newContainer(t, target(), { partitionKey: PARTITION_KEY })
    for (const tenant of ['a', 'a"', 'b'])
      for (const user of ['x', 'y']) await container.items.create({ id: `${tenant}${user}`, tenant, user, session: 1 })
    const query = async (partitionKey: string[]): Promise<string[]> => {
      const { resources } = await container.items.query('SELECT VALUE c.id FROM c', { partitionKey }).fetchAll()
      return resources.sort()
    }
    assert.deepEqual(await query(['a']), ['ax', 'ay'])
    assert.deepEqual(await query(['a"']), ['a"x', 'a"y'])
    assert.deepEqual(await query(['b', 'x']), ['bx'])
    assert.deepEqual(await query(['b', 'z']), [])
    assert.deepEqual(await readChanges(container, ['a']), ['ax', 'ay'])
  })

  test('batches and patches work under a hierarchical key', async (t) => {
    const container = await newContainer(t, target(), { partitionKey: PARTITION_KEY })
    const key = ['a', 'b', 'c']
    const resourceBody = { id: '1', tenant: 'a', user: 'b', session: 'c', n: 1 }
    const { result } = await container.items.batch([{ operationType: 'Create', resourceBody }], key)
    assert.deepEqual(
      result?.map(({ statusCode }) => statusCode),
      [201],
    )
    await container.item('1', key).patch([{ op: 'incr', path: '/n', value: 1 }])
    assert.equal((await container.item('1', key).read()).resource.n, 2)
    const moved = container.item('1', key).patch([{ op: 'set', path: '/session', value: 'd' }])
    assert.equal((await captureRefusal(moved)).code, 400)
  })
}

async function readChanges(container: Container, key: string[]): Promise<string[]> {
  const feed = container.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning(key) })
  const { result } = await feed.readNext()
  return (result ?? []).map(({ id }) => id)
}
