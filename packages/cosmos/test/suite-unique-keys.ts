import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { CosmosTarget } from './support.ts'
import { captureRefusal, newContainer, sendRaw } from './support.ts'

const UNIQUE = { uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/email'] }, { paths: ['/name/first', '/name/last'] }] } }

/** https://learn.microsoft.com/azure/cosmos-db/unique-keys */
export function uniqueKeys(target: () => CosmosTarget): void {
  test('another item’s value in the partition key is a 409 for every write, and changes nothing', async (t) => {
    const container = await newContainer(t, target(), UNIQUE)
    await container.items.create({ id: '1', pk: 'a', email: 'x', name: { first: 'A', last: 'B' } })
    const other = { id: '2', pk: 'a', email: 'y', name: { first: 'A', last: 'C' } }
    await container.items.create(other)
    const same = { ...other, email: 'x' }
    const item = container.item('2', 'a')
    const refusals = [
      () => container.items.create({ ...same, id: '3' }),
      () => container.items.upsert({ ...same, id: '3' }),
      () => container.items.upsert(same),
      () => item.replace(same),
      () => item.replace({ ...other, name: { first: 'A', last: 'B' } }),
      () => item.patch([{ op: 'set', path: '/email', value: 'x' }]),
    ]
    for (const refusal of refusals) assert.equal((await captureRefusal(refusal())).code, 409)
    const { result, code } = await container.items.batch(
      [
        { operationType: 'Create', resourceBody: { id: '4', pk: 'a', email: 'z' } },
        { operationType: 'Create', resourceBody: { id: '5', pk: 'a', email: 'z', name: { first: 'D' } } },
      ],
      'a',
    )
    assert.equal(code, 207)
    assert.deepEqual(
      result?.map(({ statusCode }) => statusCode),
      [424, 409],
    )
    const { resources } = await container.items.query('SELECT VALUE c.id FROM c').fetchAll()
    assert.deepEqual(resources, ['1', '2'])
    assert.equal((await item.read()).resource?.email, 'y')
  })

  test('a value is free under another partition key, for its own item, and once its item has lost it', async (t) => {
    const container = await newContainer(t, target(), { ...UNIQUE, defaultTtl: -1 })
    const one = { id: '1', pk: 'a', email: 'x', name: { first: 'A', last: 'B' } }
    await container.items.create(one)
    await container.items.create({ ...one, pk: 'b' })
    await container.item('1', 'a').replace({ ...one, email: 'x', more: true })
    await container.item('1', 'a').replace({ ...one, email: 'z' })
    await container.items.create({ ...one, id: '2', name: {} })
    await container.item('2', 'a').delete()
    const { resource } = await container.items.create({ ...one, id: '3', name: {}, ttl: 1 })
    while (Date.now() / 1000 < (resource?._ts ?? 0) + 1) await delay(20)
    assert.equal((await container.items.create({ ...one, id: '4', name: {} })).statusCode, 201)
  })

  test('two items without a value have the same value: null', async (t) => {
    const container = await newContainer(t, target(), UNIQUE)
    await container.items.create({ id: '1', pk: 'a', email: 'x' })
    assert.equal((await captureRefusal(container.items.create({ id: '2', pk: 'a', email: 'y' }))).code, 409)
    assert.equal((await captureRefusal(container.items.create({ id: '2', pk: 'a', email: null }))).code, 409)
  })

  test('of many concurrent creates of one value, one is a 201 and the others are 409', async (t) => {
    const container = await newContainer(t, target(), { uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/email'] }] } })
    const creates = Array.from({ length: 20 }, (_, n) => container.items.create({ id: String(n), pk: 'a', email: 'x' }))
    const codes = (await Promise.allSettled(creates)).map((outcome) =>
      outcome.status === 'fulfilled' ? outcome.value.statusCode : outcome.reason.code,
    )
    assert.deepEqual(codes.sort(), [201, ...Array(19).fill(409)])
  })

  test('the unique keys of a container are shown, and cannot be changed', async (t) => {
    const container = await newContainer(t, target(), UNIQUE)
    const { resource } = await container.read()
    assert.deepEqual(resource?.uniqueKeyPolicy, UNIQUE.uniqueKeyPolicy)
    const path = `dbs/${container.database.id}/colls/c`
    const changed = JSON.stringify({ ...resource, uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/other'] }] } })
    assert.equal((await sendRaw(target(), 'PUT', path, {}, changed)).status, 400)
  })
}
