import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { captureRefusal, newContainer } from './support.ts'

const isGone = async (container: Container, id: string): Promise<boolean> =>
  (await container.item(id, 'a').read()).statusCode === 404

/** Waits only until an item expires. A sweep would delete it later in any case. */
async function expiry(ts: number | undefined, ttl: number): Promise<void> {
  assert.ok(ts)
  while (Date.now() / 1000 < ts + ttl) await delay(10)
}

/** https://learn.microsoft.com/azure/cosmos-db/nosql/time-to-live */
export function timeToLive(target: () => CosmosTarget): void {
  test('an expired item is gone from reads, writes, batches, queries, counts and feeds; its id is free', async (t) => {
    const container = await newContainer(t, target(), { defaultTtl: -1 })
    const { resource: kept } = await container.items.create({ id: 'kept', pk: 'a' })
    const { resource: before } = await container.items.create({ id: '1', pk: 'a', ttl: 1 })
    await expiry(before?._ts, 1)
    assert.ok(await isGone(container, '1'))
    const item = container.item('1', 'a')
    assert.equal((await captureRefusal(item.replace({ id: '1', pk: 'a' }))).code, 404)
    assert.equal((await captureRefusal(item.patch([{ op: 'set', path: '/n', value: 1 }]))).code, 404)
    assert.equal((await captureRefusal(item.delete())).code, 404)
    assert.equal((await container.items.batch([{ operationType: 'Read', id: '1' }], 'a')).code, 207)
    assert.deepEqual((await container.items.query('SELECT * FROM c').fetchAll()).resources, [kept])
    assert.deepEqual((await container.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()).resources, [1])
    const feed = container.items.getChangeFeedIterator({ changeFeedStartFrom: ChangeFeedStartFrom.Beginning() })
    assert.deepEqual(
      (await feed.readNext()).result.map(({ id }) => id),
      ['kept'],
    )
    const { resource: again, statusCode } = await container.items.create({ id: '1', pk: 'a' })
    assert.equal(statusCode, 201)
    assert.notEqual(again?._rid, before?._rid)
  })

  test('an item’s ttl does nothing without a container default, and -1 lets it live under one', async (t) => {
    const none = await newContainer(t, target())
    const short = await newContainer(t, target(), { defaultTtl: 1 })
    await none.items.create({ id: '1', pk: 'a', ttl: 1 })
    await short.items.create({ id: 'forever', pk: 'a', ttl: -1 })
    const { resource } = await short.items.create({ id: '1', pk: 'a' })
    await expiry(resource?._ts, 1)
    assert.ok(await isGone(short, '1'))
    assert.equal(await isGone(none, '1'), false)
    assert.equal(await isGone(short, 'forever'), false)
  })

  test('a new default applies to existing items, and brings back none that had expired', async (t) => {
    const container = await newContainer(t, target(), { defaultTtl: -1 })
    await container.items.create({ id: 'own', pk: 'a', ttl: 1000 })
    const { resource: item } = await container.items.create({ id: 'default', pk: 'a' })
    const { resource } = await container.read()
    assert.ok(resource)
    await container.replace({ ...resource, defaultTtl: 1 })
    await expiry(item?._ts, 1)
    assert.ok(await isGone(container, 'default'))
    const { defaultTtl: _, ...without } = resource
    await container.replace(without)
    assert.equal(await isGone(container, 'default'), true)
    assert.equal(await isGone(container, 'own'), false)
  })
}
