import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  buildComparisonIntervals,
  buildPrefixIntervals,
  buildTypeIntervals,
  complement,
  composeIntervals,
  EVERYTHING,
  type Intervals,
  isOneValue,
  reverseIntervals,
} from '../query/access/intervals.ts'
import type { Container } from '../resources/catalog.ts'
import { formatKey } from '../resources/partition-key.ts'
import { encodeKey } from '../store/index-key.ts'
import type { Json } from '../values/json.ts'
import { formatId, QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

/** Creates this many items in each of the partitions. */
async function crowded(count: number, partitions: readonly string[], settings: Json = {}): Promise<Container> {
  const container = await harness.container(settings)
  for (const pk of partitions)
    for (let from = 0; from < count; from += 1000) {
      const size = Math.min(1000, count - from)
      const batch = Array.from({ length: size }, (_, at) => {
        const n = from + at
        return { id: String(n).padStart(6, '0'), pk, n, mod: n % 10, name: `name ${n % 100}`, deep: { 'a b': -n } }
      })
      await harness.write(container, batch)
    }
  return container
}

const count = (sql: string, ...values: (string | number)[]): number =>
  Number(harness.store.prepare(sql).get(...values)?.count)
const countIndexes = ({ number }: Container): number =>
  count('SELECT count(*) AS count FROM indexes WHERE container = ?', number)
const countEntries = ({ number }: Container): number =>
  count(
    'SELECT count(*) AS count FROM index_entries WHERE idx IN (SELECT number FROM indexes WHERE container = ?)',
    number,
  )

const BY_INDEX =
  /^SEARCH index_entries USING PRIMARY KEY \(idx=\? AND part=\? AND .*value.*; SEARCH items USING INTEGER PRIMARY KEY/
const BY_KEY = /^SEARCH items USING INDEX items_by_key \(container=\? AND pk=\? AND id=\?\)$/

test('a range query of a partition of 100,000 items reads only its range by an index, page by page', async () => {
  const container = await crowded(20_000, ['a', 'b', 'c', 'd', 'e'])
  const query = 'SELECT VALUE c.n FROM c WHERE c.n >= 5000 AND c.n < 5250 ORDER BY c.n'
  for (const [text, pk] of [
    [query, '["c"]'],
    [`${query} DESC`, '["c"]'],
    [query.replace('WHERE', 'WHERE c.pk = "c" AND'), undefined],
    [query.replace(' ORDER BY c.n', ''), '["c"]'],
  ] as const) {
    const asked = { maxItems: 100, ...(pk === undefined ? {} : { pk }) }
    const loads: number[] = []
    const plans = await harness.explainPlans(async () => {
      let continuation: string | undefined
      do {
        const page = await harness.page(container, text, { ...asked, continuation })
        loads.push(page.loaded)
        assert.equal(page.indexed, true)
        continuation = page.continuation
      } while (continuation !== undefined)
    })
    // One item more than a page holds shows that there is another page.
    assert.deepEqual(loads, [101, 101, 50], text)
    for (const plan of plans) assert.match(plan, BY_INDEX)
    const wanted = Array.from({ length: 250 }, (_, at) => 5000 + at)
    assert.deepEqual(await harness.ask(container, text, asked), text.endsWith('DESC') ? wanted.reverse() : wanted)
  }
  const all = await harness.page(container, 'SELECT VALUE c.id FROM c WHERE c.n BETWEEN 7 AND 8 AND c.mod > 0')
  assert.equal(all.loaded, 10)
  const page = await harness.page(container, 'SELECT VALUE c.n FROM c ORDER BY c.n DESC OFFSET 2 LIMIT 3', {
    pk: '["a"]',
  })
  assert.deepEqual([page.results, page.loaded], [['19997', '19996', '19995'], 5])
})

test('predicates of many forms read no more items than they select', async () => {
  const container = await crowded(1000, ['a'])
  for (const [condition, loaded] of [
    ['c.n = 5', 1],
    ['5 = c.n', 1],
    ['c.n IN (1, 2, 2, 999, 5000)', 3],
    ['c.n = 1 OR c.n = 7 OR c.n > 997', 4],
    ['c.n < 3', 3],
    ['3 > c["n"]', 3],
    ['c.name = "name 7"', 10],
    ['STARTSWITH(c.name, "name 9")', 110],
    ['c.name LIKE "name 9_" AND c.n != 1', 110],
    ['c.deep["a b"] BETWEEN -3 AND -1', 3],
    ['ARRAY_CONTAINS([4, 5, "x"], c.n)', 2],
    ['c.n > 990 AND c.mod >= 0', 9],
    ['c.name LIKE "n_me 7"', 1000],
    ['c.n = undefined', 0],
    ['c.n = "5"', 0],
    ['IS_STRING(c.n)', 0],
    ['c.n > 100 AND c.n < 50', 0],
  ] as const) {
    const query = `SELECT VALUE c.id FROM c WHERE ${condition}`
    const page = await harness.page(container, query, { pk: '["a"]', maxItems: 1000 })
    assert.deepEqual([page.loaded, page.indexed], [loaded, true], condition)
  }
})

test('items are found by id and key: one by one, in lists, and in pairs as SDKs read many', async () => {
  const container = await crowded(200, ['a', 'b'])
  for (const [condition, pk, ids] of [
    ['c.id = "000007"', '["a"]', 1],
    ['c.id IN ("000001", "000002", "none")', '["b"]', 2],
    ['c.pk = "a" AND c.id = "000003"', undefined, 1],
    ['c.id IN ("000001", "000002") AND c.pk IN ("a", "b", "z")', undefined, 4],
    [
      '(c.id = "000001" AND c.pk = "a") OR (c.id = "000009" AND c["pk"] = "b") OR (c.id = "000001" AND c.pk = "a")',
      undefined,
      2,
    ],
    ['c.id = "000001" AND c.id = "000002" AND c.pk = "a"', undefined, 0],
  ] as const) {
    const query = `SELECT VALUE c.id FROM c WHERE ${condition}`
    const asked = pk === undefined ? {} : { pk }
    const plans = await harness.explainPlans(async () => {
      const page = await harness.page(container, query, asked)
      assert.deepEqual([page.results.length, page.loaded, page.indexed], [ids, ids, true], condition)
    })
    for (const plan of plans) assert.match(plan, BY_KEY)
    assert.equal((await harness.ask(container, query, { ...asked, maxItems: 1 })).length, ids, condition)
  }
  const one = await harness.page(container, 'SELECT VALUE c.id FROM c WHERE c.pk IN ("a", "z")', { maxItems: 500 })
  assert.deepEqual([one.results.length, one.loaded], [200, 200])
  assert.equal(countIndexes(container), 0)
})

test('WHERE on the first parts of hierarchical keys reads only those keys', async () => {
  const partitionKey = { paths: ['/tenant', '/user', '/n'], kind: 'MultiHash', version: 2 }
  const container = await harness.container({ partitionKey })
  const documents = Array.from({ length: 240 }, (_, n) => ({
    id: formatId(n),
    tenant: n % 4 ? `t${n % 4}` : n % 8,
    user: n % 12,
    n,
  }))
  await harness.store.write((lsn) => {
    for (const document of documents) {
      const pk = formatKey([document.tenant, document.user, document.n])
      harness.items.upsert({ container, pk }, document, {}, lsn)
    }
  })
  for (const [condition, found, loaded] of [
    ['c.tenant = "t1"', 60, 60],
    ['c.tenant = "t1" AND c.user = 5', 20, 20],
    ['c.tenant = 4 AND c.n < 100', 12, 30],
    ['(c.tenant = "t1" AND c.user = 1) OR (c.tenant = "t1" AND c.user = 5)', 40, 240],
    ['c.tenant = "t1" AND c.user = 5 AND c.n = 5', 1, 1],
    ['c.tenant = "t"', 0, 0],
    ['c.tenant = "x" AND c.tenant = "t1"', 0, 0],
    ['c.tenant IN ("t1", "t2")', 120, 240],
    ['c.user = 5', 20, 240],
  ] as const) {
    const page = await harness.page(container, `SELECT VALUE c.id FROM c WHERE ${condition}`, { maxItems: 1000 })
    assert.equal(page.results.length, found, condition)
    assert.ok(page.loaded <= loaded, `${condition}: ${page.loaded} loaded`)
    const ordered = await harness.ask(container, `SELECT VALUE c.n FROM c WHERE ${condition} ORDER BY c.n DESC`, {
      maxItems: 17,
    })
    assert.deepEqual(
      ordered.map((n) => formatId(Number(n))),
      page.results
        .map((text) => JSON.parse(text))
        .sort()
        .reverse(),
    )
  }
})

test('an order by several paths with a composite index reads only its page, in both directions', async () => {
  const compositeIndexes = [
    [
      { path: '/mod', order: 'ascending' },
      { path: '/n', order: 'descending' },
    ],
  ]
  const container = await crowded(500, ['a'], { indexingPolicy: { includedPaths: [{ path: '/*' }], compositeIndexes } })
  for (const [order, first] of [
    ['c.mod, c.n DESC', [490, 480]],
    ['c.mod DESC, c.n ASC', [9, 19]],
  ] as const) {
    const query = `SELECT VALUE c.n FROM c ORDER BY ${order}`
    const page = await harness.page(container, query, { pk: '["a"]', maxItems: 2 })
    assert.deepEqual([page.results.map(Number), page.loaded], [first, 3])
    const ordered = (await harness.ask(container, query, { pk: '["a"]', maxItems: 90 })) as number[]
    const expected = Array.from({ length: 500 }, (_, n) => n).sort((a, b) => (a % 10) - (b % 10) || b - a)
    assert.deepEqual(ordered, order.startsWith('c.mod DESC') ? expected.reverse() : expected)
  }
  const within = await harness.page(container, 'SELECT VALUE c.n FROM c WHERE c.mod = 3 ORDER BY c.mod, c.n DESC', {
    pk: '["a"]',
  })
  assert.equal(within.loaded, 50)
  for (const order of ['c.n, c.mod', 'c.mod, c.n', 'c.mod', 'c.mod, c.n DESC, c.id']) {
    const asked = harness.page(container, `SELECT VALUE c.n FROM c ORDER BY ${order}`)
    if (order === 'c.mod') assert.equal((await asked).results.length, 100)
    else await assert.rejects(asked, /does not have a corresponding composite index/, order)
  }
})

test('excluded paths are not indexed: all items are read, and an order by them is refused', async () => {
  const excludedPaths = [{ path: '/deep/*' }, { path: '/"name"/?' }]
  const container = await crowded(100, ['a'], { indexingPolicy: { includedPaths: [{ path: '/*' }], excludedPaths } })
  for (const [condition, loaded, indexed] of [
    ['c.deep["a b"] = -5', 100, false],
    ['c.name = "name 5"', 100, false],
    ['c.name = "name 5" AND c.n = 5', 1, true],
    ['c.n + 0 = 5', 100, false],
  ] as const) {
    const page = await harness.page(container, `SELECT VALUE c.n FROM c WHERE ${condition}`, { pk: '["a"]' })
    assert.deepEqual([page.results, page.loaded, page.indexed], [['5'], loaded, indexed], condition)
  }
  await assert.rejects(harness.page(container, 'SELECT * FROM c ORDER BY c.name'), /order-by item is excluded/)
  const none = await crowded(100, ['a'], { indexingPolicy: { indexingMode: 'none', automatic: false } })
  assert.equal((await harness.page(none, 'SELECT * FROM c WHERE c.n = 5')).loaded, 100)
  await assert.rejects(harness.page(none, 'SELECT * FROM c ORDER BY c.n'), /order-by item is excluded/)
  const some = { includedPaths: [{ path: '/n/?' }], excludedPaths: [{ path: '/*' }] }
  const included = await crowded(100, ['a'], { indexingPolicy: some })
  assert.equal((await harness.page(included, 'SELECT * FROM c WHERE c.n = 5')).loaded, 1)
  assert.equal((await harness.page(included, 'SELECT * FROM c WHERE c.mod = 5')).loaded, 100)
})

test('a container has at most 16 indexes, a small one none: other queries read all, with equal results', async () => {
  const container = await crowded(100, ['a'])
  for (let n = 0; n < 20; n++) {
    const page = await harness.page(container, `SELECT VALUE c.n FROM c WHERE c.v${n} = 1 OR c.n = 5`, { pk: '["a"]' })
    assert.equal(page.loaded, 100)
    await harness.page(container, `SELECT VALUE c.n FROM c WHERE c.v${n} = 1`, { pk: '["a"]' })
  }
  assert.equal(countIndexes(container), 16)
  assert.deepEqual(
    await harness.ask(container, 'SELECT VALUE c.n FROM c WHERE c.n < 5', { maxItems: 2 }),
    [0, 1, 2, 3, 4],
  )
  assert.deepEqual(
    await harness.ask(container, 'SELECT TOP 3 VALUE c.n FROM c ORDER BY c.n DESC', { maxItems: 2 }),
    [99, 98, 97],
  )
  const small = await crowded(60, ['a', 'b'])
  await harness.page(small, 'SELECT * FROM c WHERE c.n = 5', { pk: '["a"]' })
  assert.equal(countIndexes(small), 0)
})

const COMPOSITE = {
  compositeIndexes: [['mod', 'name', 'n'].map((name) => ({ path: `/${name}`, order: 'descending' }))],
}
const ALL_PATHS = { includedPaths: [{ path: '/*' }], excludedPaths: [] }

test('an order with equality filters and a range reads only the items it selects, page by page', async () => {
  const container = await crowded(5_000, ['a'], { indexingPolicy: { ...ALL_PATHS, ...COMPOSITE } })
  const where = 'c.mod = 3 AND c.name = "name 13" AND c.n >= 1000 AND c.n < 4000'
  for (const direction of ['DESC', 'ASC']) {
    const order = ['mod', 'name', 'n'].map((name) => `c.${name} ${direction}`).join(', ')
    const expected = Array.from({ length: 30 }, (_, n) => 1013 + n * 100)
    if (direction === 'DESC') expected.reverse()
    const query = `SELECT VALUE c.n FROM c WHERE ${where} ORDER BY ${order}`
    assert.deepEqual(await harness.ask(container, query, { maxItems: 7 }), expected)
    const { loaded } = await harness.page(container, query, { maxItems: 7 })
    assert.ok(loaded >= 7 && loaded <= 8, `${loaded} items were read`)
  }
})

// A cut text ends a key, so nothing that follows it is in the index.
const values = [undefined, null, false, true, -1, 0, 255, '', 'a', 'a\0', 'b', 'x'.repeat(600), [], {}]

test('composed intervals hold the keys whose values the bounds hold, stored in either order', () => {
  const firsts = values.map((value) => buildComparisonIntervals('=', value)).filter(isOneValue)
  assert.equal(firsts.length, 10)
  const seconds = [
    EVERYTHING,
    buildPrefixIntervals('a'),
    ...values.flatMap((value) => (['=', '<', '<=', '>'] as const).map((each) => buildComparisonIntervals(each, value))),
  ]
  const holds = (intervals: Intervals, key: Buffer): boolean =>
    intervals.some(({ low, high }) => Buffer.compare(key, low) >= 0 && !(high && Buffer.compare(key, high) >= 0))
  let checked = 0
  for (const first of firsts)
    for (const second of seconds)
      for (const [one, other] of values.flatMap((one) => values.map((other) => [one, other] as const))) {
        const expected = holds(first, encodeKey([one])) && holds(second, encodeKey([other]))
        for (const reversed of [
          [false, false],
          [true, true],
          [true, false],
        ]) {
          const composed = composeIntervals([first, second], reversed)
          assert.equal(holds(composed, encodeKey([one, other, 1], reversed)), expected)
          checked++
        }
      }
  assert.ok(checked > 10_000)
})

test('reversed intervals hold the keys of the same values stored in reverse, each once', () => {
  const values = [
    undefined,
    null,
    false,
    true,
    -1,
    0,
    1,
    255,
    '',
    'a',
    'aa',
    'ab',
    'b',
    '\0',
    '\uffff',
    'x'.repeat(600),
    [],
    {},
  ]
  const operators = ['=', '!=', '<', '<=', '>', '>='] as const
  const all = [
    EVERYTHING,
    complement(buildTypeIntervals('undefined')),
    buildTypeIntervals('undefined', 'object'),
    buildPrefixIntervals('a'),
    ...values.flatMap((value) => operators.map((operator) => buildComparisonIntervals(operator, value))),
  ]
  const holding = (intervals: Intervals, key: Buffer): number =>
    intervals.filter(({ low, high }) => Buffer.compare(key, low) >= 0 && !(high && Buffer.compare(key, high) >= 0))
      .length
  for (const intervals of all)
    for (const value of values)
      for (const more of [[], [1], ['a']])
        assert.equal(
          holding(reverseIntervals(intervals), encodeKey([value, ...more], [true, false])),
          holding(intervals, encodeKey([value, ...more])),
        )
})

test('indexes survive a restart, and are deleted with their container or database', async () => {
  await harness.catalog.createDatabase({ id: 'other' })
  const body = { id: 'c', partitionKey: { paths: ['/pk'], kind: 'Hash' } }
  const inOther = await harness.catalog.createContainer(harness.catalog.database('other'), body)
  const container = await crowded(100, ['a'])
  const documents = Array.from({ length: 100 }, (_, n) => ({ id: formatId(n), pk: 'a', n }))
  await harness.write(inOther, documents)
  for (const one of [container, inOther])
    assert.equal((await harness.page(one, 'SELECT * FROM c WHERE c.n = 5')).loaded, 1)
  harness.restart()
  assert.equal((await harness.page(container, 'SELECT * FROM c WHERE c.n = 6')).loaded, 1)
  assert.deepEqual([countIndexes(container), countEntries(container)], [1, 100])
  const before = count('SELECT count(*) AS count FROM index_entries')
  await harness.catalog.deleteContainer(container)
  await harness.catalog.deleteDatabase(harness.catalog.database('other'))
  assert.equal(count('SELECT count(*) AS count FROM index_entries'), before - 200)
  assert.deepEqual([countIndexes(container), countIndexes(inOther)], [0, 0])
})

test('whatever is written, an index finds exactly what is there', async () => {
  const value = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('a', null, true, undefined))
  const change = fc.record({
    id: fc.integer({ min: 0, max: 80 }),
    pk: fc.constantFrom('a', 'b'),
    v: value,
    gone: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 40 }), async (changes) => {
      const kept = new Map<string, Json>()
      const keep = (document: Json): void => {
        kept.set(`${document.pk}${document.id}`, document)
      }
      const start = Array.from({ length: 70 }, (_, n) => ({ id: formatId(n), pk: n % 9 ? 'a' : 'b', v: n % 7 }))
      const container = await harness.createFilledContainer(start)
      start.forEach(keep)
      const find = async (v: unknown): Promise<unknown[]> =>
        (
          await harness.ask(container, 'SELECT VALUE c.pk || c.id FROM c WHERE c.v = @v', { parameters: { '@v': v } })
        ).sort()
      await find(1)
      assert.equal(countIndexes(container), 1)
      for (const { id, pk, v, gone } of changes) {
        const document = { id: formatId(id), pk, ...(v === undefined ? {} : { v }) }
        if (!gone) {
          await harness.write(container, [document])
          keep(document)
        } else if (kept.delete(pk + formatId(id))) await harness.remove(container, pk, formatId(id))
      }
      for (const v of [0, 1, 2, 3, 4, 5, 'a', null, true]) {
        const expected = [...kept].filter(([, document]) => document.v === v).map(([key]) => key)
        assert.deepEqual(await find(v), expected.sort())
      }
      assert.equal(countEntries(container), kept.size)
    }),
    { numRuns: 40 },
  )
})

test('an index serves the static time, the same for all items; the nonstatic time reads all items', async () => {
  const container = await harness.container()
  const now = Date.now()
  const due = Array.from({ length: 500 }, (_, at) => ({ id: String(at).padStart(6, '0'), pk: 'a', due: now - 1 - at }))
  const later = Array.from({ length: 500 }, (_, at) => ({ id: `later-${at}`, pk: 'a', due: now + 86_400_000 + at }))
  await harness.write(container, [...due, ...later])
  const text = 'SELECT VALUE c.due FROM c WHERE c.due <= GetCurrentTimestampStatic()'
  for (const query of [text, `${text} ORDER BY c.due`]) {
    const page = await harness.page(container, query, { maxItems: 1000 })
    assert.deepEqual([page.results.length, page.loaded, page.indexed], [500, 500, true], query)
  }
  const scanned = await harness.page(container, text.replace('Static', ''), { maxItems: 1000 })
  assert.deepEqual([scanned.results.length, scanned.loaded, scanned.indexed], [500, 1000, false])
  const constant = await harness.page(container, 'SELECT VALUE GetCurrentTimestampStatic() FROM c', { maxItems: 1000 })
  assert.equal(new Set(constant.results).size, 1)
})
