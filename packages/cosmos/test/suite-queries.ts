import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, SqlParameter } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { captureRefusal, newContainer } from './support.ts'

/** Queries by the SDK: texts, pages and plans. */
export function queries(target: () => CosmosTarget): void {
  const all = async (container: Container, query: string, parameters: SqlParameter[] = [], options = {}) =>
    (await container.items.query({ query, parameters }, options).fetchAll()).resources

  test('an order by values too long for a continuation is refused, not cut short', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['1', '2']) await container.items.create({ id, pk: 'a', text: id + 'x'.repeat(10_000) })
    const pages = container.items.query('SELECT * FROM c ORDER BY c.text', { maxItemCount: 1, partitionKey: 'a' })
    assert.match((await captureRefusal(pages.fetchNext())).message, /too long to continue/)
  })

  test('texts, names and keywords are read as written', async (t) => {
    const container = await newContainer(t, target())
    const item = {
      id: '1',
      pk: 'a',
      from: 1,
      'a b': { 'x"y': [{ z: 'it\'s "it" \\ \u00e9\n' }] },
      WHERE: true,
      n: -0.5,
    }
    await container.items.create(item)
    const found: readonly [string, unknown][] = [
      ['SELECT c["from"] FROM c', { from: 1 }],
      ['SELECT root["from"] AS f, root.n, root.id i FROM root', { f: 1, n: -0.5, i: '1' }],
      ['select value x["from"] from root as x where x.n <= -5e-1', 1],
      ['SELECT VALUE x["a b"]["x\\"y"][0].z FROM root x', item['a b']['x"y'][0]?.z],
      [String.raw`SELECT VALUE 1 FROM c WHERE c["a b"]['x"y'][0].z = 'it\'s "it" \\ \u00E9\n'`, 1],
      [String.raw`SELECT VALUE 1 FROM c WHERE c["a b"]["x\"y"][0].z = "it's \"it\" \\ é\u000a"`, 1],
      [String.raw`SELECT VALUE "a\\\"b" FROM c`, 'a\\"b'],
      ['SELECT VALUE c["WHERE"] FROM c WHERE c["WHERE"]', true],
      ['SELECT VALUE c.n FROM c WHERE c.n BETWEEN -1 AND 0 AND NOT (c.n IN (1, 2))', -0.5],
      ['SELECT VALUE c.list.length FROM c', undefined],
      ['SELECT VALUE c.constructor FROM c', undefined],
    ]
    for (const [query, expected] of found) {
      const resources = await all(container, query)
      assert.deepEqual(resources, expected === undefined ? [] : [expected], query)
    }
    const [whole] = await all(container, 'SELECT c FROM c')
    assert.equal(whole.c.id, '1')
  })

  test('pages stay correct whatever is written between them', async (t) => {
    const compositeIndexes = [
      [
        { path: '/odd', order: 'ascending' as const },
        { path: '/n', order: 'ascending' as const },
      ],
    ]
    const indexingPolicy = { includedPaths: [{ path: '/*' }], compositeIndexes }
    const container = await newContainer(t, target(), { indexingPolicy })
    for (let i = 0; i < 9; i++) await container.items.create({ id: String(i), pk: 'a', n: i % 3, odd: [i] })
    for (const [query, expected] of [
      ['SELECT VALUE c.id FROM c ORDER BY c.n DESC', '852741630'],
      ['SELECT VALUE c.id FROM c WHERE c.n > -1 ORDER BY c.n', '036147258'],
      ['SELECT VALUE c.id FROM c WHERE c.n > -1 ORDER BY c.n DESC', '852741630'],
      ['SELECT VALUE c.id FROM c ORDER BY c.odd, c.n', '036147258'],
      ['SELECT VALUE c.id FROM c ORDER BY c.odd DESC, c.n DESC', '852741630'],
      ['SELECT VALUE c.id FROM c', '012345678'],
      ['SELECT VALUE c.id FROM c WHERE c.n > -1 ORDER BY c.n OFFSET 2 LIMIT 5', '61472'],
      ['SELECT TOP 5 VALUE c.id FROM c', '01234'],
      ['SELECT DISTINCT VALUE c.n FROM c', '012'],
      ['SELECT VALUE c.n FROM c GROUP BY c.n', '012'],
    ] as const) {
      const pages = container.items.query<string>(query, { maxItemCount: 2, partitionKey: 'a' })
      const seen: string[] = []
      while (pages.hasMoreResults()) {
        const { resources } = await pages.fetchNext()
        assert.ok(resources.length <= 2)
        seen.push(...resources)
        // An item comes and goes before the others, and changes none of them.
        await container.items.create({ id: '!', pk: 'a', n: query.includes('DESC') ? 99 : -0.5 })
        await container.item('!', 'a').delete()
      }
      assert.equal(seen.join(''), expected, query)
    }
  })

  test('COUNT counts across pages and partitions', async (t) => {
    const container = await newContainer(t, target())
    for (let i = 0; i < 12; i++) await container.items.create({ id: String(i), pk: i % 2 ? 'a' : 'b', n: i })
    const count = 'SELECT VALUE COUNT(1) FROM c WHERE c.n >= @n'
    const parameters = [{ name: '@n', value: 3 }]
    assert.deepEqual(await all(container, count, parameters, { maxItemCount: 2 }), [9])
    assert.deepEqual(await all(container, count, parameters, { maxItemCount: 2, partitionKey: 'a' }), [5])
  })

  test('a continuation works in another client; one of another query, or an invalid one, is a 400', async (t) => {
    const container = await newContainer(t, target())
    for (let i = 0; i < 5; i++) await container.items.create({ id: String(i), pk: 'a', n: i })
    const query = 'SELECT VALUE c.id FROM c ORDER BY c.n'
    const options = { maxItemCount: 2, partitionKey: 'a' }
    const { continuationToken } = await container.items.query(query, options).fetchNext()
    assert.ok(continuationToken)
    const rest = container.items.query(query, { ...options, continuationToken, maxItemCount: 10 })
    assert.deepEqual((await rest.fetchNext()).resources, ['2', '3', '4'])
    for (const [text, token] of [
      ['SELECT VALUE c.id FROM c ORDER BY c.id', continuationToken],
      [query, 'x'],
      [query, Buffer.from('{}').toString('base64')],
      [query, 'A'.repeat(9000)],
    ] as const) {
      const asked = container.items.query(text, { ...options, continuationToken: token })
      assert.equal((await captureRefusal(asked.fetchNext())).code, 400, text)
    }
  })

  test('the SDK’s query plan is trivial, because the emulator evaluates the whole query', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['2', '1', '3']) await container.items.create({ id, pk: id })
    const query = 'SELECT TOP 2 c.id FROM c ORDER BY c.id DESC'
    assert.deepEqual(await all(container, query, [], { forceQueryPlan: true }), [{ id: '3' }, { id: '2' }])
  })
}
