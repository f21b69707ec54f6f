import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container, SqlParameter } from '@azure/cosmos'
import type { CosmosTarget } from './support.ts'
import { newContainer, refusalOf } from './support.ts'

const UNSUPPORTED: readonly (readonly [query: string, named: RegExp])[] = [
  ['SELECT DISTINCT c.a FROM c', /"DISTINCT"/],
  ['SELECT c.a FROM c JOIN d IN c.list', /"JOIN"/],
  ['SELECT * FROM c GROUP BY c.a', /"GROUP"/],
  ["SELECT * FROM c WHERE c.a LIKE 'x%'", /"LIKE"/],
  ['SELECT * FROM c WHERE LOWER(c.a) = "x"', /the function LOWER/],
  ['SELECT * FROM c WHERE constructor(c.a)', /the function CONSTRUCTOR/],
  ['SELECT VALUE SUM(c.a) FROM c', /the function SUM/],
  ['SELECT * FROM c WHERE c.a + 1 = 2', /\+ 1/],
  ['SELECT * FROM c WHERE d.a = 1', /"d", which is not the alias c/],
  ['SELECT * FROM c WHERE c.a = [1]', /"\["/],
  ['SELECT * FROM c IN c.list', /"IN"/],
  ['SELECT * FROM c.list', /"\."/],
  ['SELECT * FROM c ORDER BY 1', /ORDER BY of anything but a path/],
  ['SELECT VALUE COUNT(1) FROM c ORDER BY c.a', /COUNT with/],
  ['SELECT TOP 1 VALUE COUNT(1) FROM c', /COUNT with/],
  ['SELECT VALUE COUNT(1) FROM c OFFSET 0 LIMIT 1', /COUNT with/],
  ['SELECT TOP 1 * FROM c OFFSET 0 LIMIT 1', /not both/],
  ['SELECT c.a, c.b.a FROM c', /two values named a/],
  ['SELECT * FROM c OFFSET 0.5 LIMIT 1', /whole numbers/],
  ['SELECT * FROM c WHERE c.a = 1e999', /too large a number/],
  [String.raw`SELECT * FROM c WHERE c.a = "\x"`, /\\x is no escape/],
  ['SELECT * FROM c WHERE c.a = "open', /at ""open"/],
  ['SELECT 1', /where FROM is expected/],
  ['DELETE FROM c', /where SELECT is expected/],
  ['', /where SELECT is expected/],
]

/** Queries by the SDK. What the subset means is tested in query.test.ts. */
export function queries(target: () => CosmosTarget): void {
  const all = async (container: Container, query: string, parameters: SqlParameter[] = [], options = {}) =>
    (await container.items.query({ query, parameters }, options).fetchAll()).resources

  test('a query outside the subset is a 400 that names what is not supported, never an answer', async (t) => {
    const container = await newContainer(t, target())
    await container.items.create({ id: '1', pk: 'a', a: 1 })
    for (const [query, named] of UNSUPPORTED) {
      const { code, message } = await refusalOf(container.items.query(query, { partitionKey: 'a' }).fetchAll())
      assert.equal(code, 400, query)
      assert.match(message, named)
    }
  })

  test('an order by values too long to continue after is refused, not cut short', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['1', '2']) await container.items.create({ id, pk: 'a', text: id + 'x'.repeat(10_000) })
    const pages = container.items.query('SELECT * FROM c ORDER BY c.text', { maxItemCount: 1, partitionKey: 'a' })
    assert.match((await refusalOf(pages.fetchNext())).message, /too long to continue/)
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
      ['SELECT c.from FROM c', { from: 1 }],
      ['SELECT root.from AS f, root.n, root.id FROM root', { f: 1, n: -0.5, id: '1' }],
      ['select value x["from"] from root as x where x.n <= -5e-1', 1],
      ['SELECT VALUE x["a b"]["x\\"y"][0].z FROM root x', item['a b']['x"y'][0]?.z],
      [String.raw`SELECT VALUE 1 FROM c WHERE c["a b"]['x"y'][0].z = 'it\'s "it" \\ \u00E9\n'`, 1],
      [String.raw`SELECT VALUE 1 FROM c WHERE c["a b"]["x\"y"][0].z = "it's \"it\" \\ é\u000a"`, 1],
      [String.raw`SELECT VALUE "a\\\"b" FROM c`, 'a\\"b'],
      ['SELECT VALUE c.WHERE FROM c WHERE c.WHERE', true],
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

  test('pages go on right whatever is written between them', async (t) => {
    const container = await newContainer(t, target())
    for (let i = 0; i < 9; i++) await container.items.create({ id: String(i), pk: 'a', n: i % 3, odd: [i] })
    for (const [query, expected] of [
      ['SELECT VALUE c.id FROM c ORDER BY c.n DESC', '258147036'],
      ['SELECT VALUE c.id FROM c WHERE c.n > -1 ORDER BY c.n', '036147258'],
      ['SELECT VALUE c.id FROM c WHERE c.n > -1 ORDER BY c.n DESC', '258147036'],
      ['SELECT VALUE c.id FROM c ORDER BY c.odd, c.n', '036147258'],
      ['SELECT VALUE c.id FROM c', '012345678'],
      ['SELECT VALUE c.id FROM c WHERE c.n > -1 ORDER BY c.n OFFSET 2 LIMIT 5', '61472'],
      ['SELECT TOP 5 VALUE c.id FROM c', '01234'],
    ] as const) {
      const pages = container.items.query<string>(query, { maxItemCount: 2, partitionKey: 'a' })
      const seen: string[] = []
      while (pages.hasMoreResults()) {
        const { resources } = await pages.fetchNext()
        assert.ok(resources.length <= 2)
        seen.push(...resources)
        // Comes and goes at the front, changes nothing behind.
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

  test('the SDK’s query plan is the trivial one: the endpoint evaluates the whole query', async (t) => {
    const container = await newContainer(t, target())
    for (const id of ['2', '1', '3']) await container.items.create({ id, pk: id })
    const query = 'SELECT TOP 2 c.id FROM c ORDER BY c.id DESC'
    assert.deepEqual(await all(container, query, [], { forceQueryPlan: true }), [{ id: '3' }, { id: '2' }])
  })
}
