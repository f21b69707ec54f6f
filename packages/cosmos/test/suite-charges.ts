import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { newContainer, sendRaw } from './support.ts'

const NOT_INDEXED = { indexingPolicy: { indexingMode: 'none' as const, automatic: false } }

/** An item whose stored JSON has this many bytes. */
async function buildItem(
  container: Container,
  id: string,
  bytes: number,
  more = {},
): Promise<{ id: string; pk: string }> {
  const item = { id, pk: 'a', ...more, text: '' }
  const { resource } = await container.items.create({ ...item, id: `size-${id}` })
  const { text } = { text: 'x'.repeat(bytes - JSON.stringify(resource).length + 'size-'.length) }
  return { ...item, text } as { id: string; pk: string }
}

/** The model of docs/compatibility.md must agree with the figures that the vendor publishes. */
export function charges(target: () => CosmosTarget): void {
  test('a point read and an unindexed write cost what the vendor’s table says for their size', async (t) => {
    const container = await newContainer(t, target(), NOT_INDEXED)
    const published = [
      [1, 1, 4.95],
      [2, 1.04, 6.29],
      [16, 1.67, 9.52],
      [128, 9.95, 48.19],
      [1024, 145.9, 625],
    ]
    for (const [kilobytes = 0, read, write] of published) {
      const item = await buildItem(container, String(kilobytes), kilobytes * 1024)
      assert.equal((await container.items.create(item)).requestCharge, write)
      assert.equal((await container.item(item.id, 'a').read()).requestCharge, read)
    }
    // The size counts bytes, not letters.
    const { text, ...item } = (await buildItem(container, 'é', 16 * 1024 - 2)) as {
      id: string
      pk: string
      text: string
    }
    const letters = { ...item, text: `${'é'.repeat(text.length / 2)}${'x'.repeat(text.length % 2)}` }
    assert.equal((await container.items.create(letters)).requestCharge, 9.52)
    assert.equal((await container.item('é', 'a').read()).requestCharge, 1.67)
    assert.equal((await container.item('é', 'a').replace(letters)).requestCharge, 19.04)
    assert.equal((await container.item('é', 'a').delete()).requestCharge, 9.52)
  })

  test('each indexed value adds 0.2 to a write, and an excluded path nothing', async (t) => {
    const plain = await newContainer(t, target(), NOT_INDEXED)
    const all = await newContainer(t, target())
    const some = await newContainer(t, target(), {
      indexingPolicy: { includedPaths: [{ path: '/*' }], excludedPaths: [{ path: '/list/*' }, { path: '/deep/a/?' }] },
    })
    const item = { id: '1', pk: 'a', list: [1, 2, 3], deep: { a: 1, b: 2 }, none: [] }
    const cost = async (container: Container): Promise<number> => (await container.items.create(item)).requestCharge
    const [without, everything, part] = [await cost(plain), await cost(all), await cost(some)]
    // `id`, `pk`, three in the list, two below `deep`; and `id`, `pk`, one below `deep`.
    assert.equal((everything - without).toFixed(2), '1.40')
    assert.equal((part - without).toFixed(2), '0.60')
  })

  test('a replace costs a delete, a create and the changed values; a patch 0.4 more per operation', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a', n: 1, m: 1 })
    const { requestCharge: patched } = await container.item('1', 'a').patch([{ op: 'set', path: '/n', value: 2 }])
    const { requestCharge: replaced } = await container.item('1', 'a').replace({ id: '1', pk: 'a', n: 2, m: 2 })
    const { requestCharge: deleted } = await container.item('1', 'a').delete()
    // `_etag` is not indexed, but `_ts` is, and it may have changed.
    const within = (charge: number, least: number): void =>
      assert.ok(
        [least, least + 0.4].some((cost) => Math.abs(charge - cost) < 0.01),
        `${charge}, at least ${least}`,
      )
    within(patched, 2 * 4.95 + 2 * 0.2 + 0.4)
    within(replaced, 2 * 4.95 + 2 * 0.2)
    assert.ok(deleted > 4.95 && deleted < 4.95 + 0.2 * 12)
  })

  test('a query and the change feed cost by what they read, and every refusal costs something', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['1', '2', '3', '4']) await container.items.create({ id, pk: id, text: 'x'.repeat(10_000) })
    const one = await container.items.query('SELECT * FROM c WHERE c.id = "1"', { partitionKey: '1' }).fetchAll()
    const all = await container.items.query('SELECT * FROM c').fetchAll()
    assert.ok(one.requestCharge >= 2.3 && all.requestCharge > one.requestCharge)
    await container.items.create({ id: 'large', pk: 'b', text: 'x'.repeat(2_000_000) })
    await container.items.create({ id: 'large too', pk: 'b', text: 'x'.repeat(2_000_000) })
    const large = await container.items.query('SELECT * FROM c', { partitionKey: 'b' }).fetchAll()
    // Beyond the table, its last row in proportion.
    assert.ok(large.requestCharge > 1.9 * 291.8, `${large.requestCharge}`)
    const path = `dbs/${container.database.id}/colls/c/docs`
    const feed = await sendRaw(target(), 'GET', path, { 'a-im': 'Incremental Feed' })
    assert.ok(Number(feed.headers['x-ms-request-charge']) >= 4 * 1.33)
    for (const answered of [
      await sendRaw(target(), 'GET', `${path}/none`, { 'x-ms-documentdb-partitionkey': '["a"]' }),
      await sendRaw(target(), 'POST', path, { 'x-ms-documentdb-partitionkey': '["a"]' }, '{'),
    ])
      assert.ok(Number(answered.headers['x-ms-request-charge']) >= 1)
  })

  test('a batch costs the sum of its operations, and reports each', async (t) => {
    const container = await newContainer(t, target(), NOT_INDEXED)
    const { result, headers } = await container.items.batch(
      ['1', '2', '3'].map((id) => ({ operationType: 'Create' as const, resourceBody: { id, pk: 'a' } })),
      'a',
    )
    assert.deepEqual(
      result?.map(({ requestCharge }) => requestCharge),
      [4.95, 4.95, 4.95],
    )
    assert.equal(Number(headers?.['x-ms-request-charge']), 14.85)
  })
}
