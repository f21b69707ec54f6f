import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildQueryPlan } from '../query/plan.ts'
import type { Json } from '../values/json.ts'
import { QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

const ONE = [{ min: '', max: 'FF' }]
const TWO = [
  { min: '', max: '1F' },
  { min: '1F', max: 'FF' },
]
const FILTER = '({documentdb-formattableorderbyquery-filter})'

interface Info extends Json {
  readonly rewrittenQuery: string
}

const readInfo = (plan: object): Info => (plan as { queryInfo: Info }).queryInfo

const NOTHING = {
  distinctType: 'None',
  top: null,
  offset: null,
  limit: null,
  orderBy: [],
  orderByExpressions: [],
  groupByExpressions: [],
  groupByAliases: [],
  aggregates: [],
  groupByAliasToAggregateType: {},
  rewrittenQuery: '',
  hasSelectValue: false,
  hasNonStreamingOrderBy: false,
}

// From the vendor's tests, apart from white space: azure-cosmos-dotnet-v3, QueryPlanBaselineTests.
const BASELINES: readonly (readonly [query: string, info: Json])[] = [
  ['SELECT * FROM r', {}],
  ['SELECT VALUE r.a FROM r', { hasSelectValue: true }],
  [
    'SELECT * FROM Root r ORDER BY r.blah',
    {
      orderBy: ['Ascending'],
      orderByExpressions: ['r.blah'],
      rewrittenQuery:
        `SELECT r._rid, [{"item": r.blah}] AS orderByItems, r AS payload FROM Root r ` +
        `WHERE ${FILTER} ORDER BY r.blah`,
    },
  ],
  [
    'SELECT VALUE c.blah FROM Root c WHERE c.x = 1 ORDER BY c.key DESC',
    {
      orderBy: ['Descending'],
      orderByExpressions: ['c.key'],
      hasSelectValue: true,
      rewrittenQuery:
        `SELECT c._rid, [{"item": c.key}] AS orderByItems, c.blah AS payload FROM Root c ` +
        `WHERE (c.x = 1) AND ${FILTER} AND IS_DEFINED(c.blah) ORDER BY c.key DESC`,
    },
  ],
  [
    'SELECT TOP 70 r["a"], r[0] FROM Root r ORDER BY r.key DESC',
    {
      top: 70,
      orderBy: ['Descending'],
      orderByExpressions: ['r.key'],
      rewrittenQuery:
        `SELECT r._rid, [{"item": r.key}] AS orderByItems, {"a": r["a"], "$1": r[0]} AS payload FROM Root r ` +
        `WHERE ${FILTER} ORDER BY r.key DESC OFFSET 0 LIMIT 70`,
    },
  ],
  [
    'SELECT COUNT(r) From r',
    {
      groupByAliases: ['$1'],
      groupByAliasToAggregateType: { $1: 'Count' },
      rewrittenQuery: 'SELECT {"$1": {"item": COUNT(r)}} AS payload FROM r',
    },
  ],
  [
    'SELECT MIN(c.blah) as min_blah FROM c',
    {
      groupByAliases: ['min_blah'],
      groupByAliasToAggregateType: { min_blah: 'Min' },
      rewrittenQuery:
        'SELECT {"min_blah": {"item": MIN(c.blah), "item2": {"min": MIN(c.blah), "count": COUNT(c.blah)}}} ' +
        'AS payload FROM c',
    },
  ],
  [
    'SELECT AVG(c.blah) FROM c',
    {
      groupByAliases: ['$1'],
      groupByAliasToAggregateType: { $1: 'Average' },
      rewrittenQuery: 'SELECT {"$1": {"item": {"sum": SUM(c.blah), "count": COUNT(c.blah)}}} AS payload FROM c',
    },
  ],
]

test('the plan for one partition leaves nothing to the client, and that for several is the vendor’s', async () => {
  const container = await harness.container()
  for (const [query, info] of BASELINES) {
    assert.deepEqual(buildQueryPlan(container, query, ONE), {
      partitionedQueryExecutionInfoVersion: 2,
      queryInfo: NOTHING,
      queryRanges: [{ min: '', max: 'FF', isMinInclusive: true, isMaxInclusive: false }],
    })
    assert.deepEqual(readInfo(buildQueryPlan(container, query, TWO)), { ...NOTHING, ...info }, query)
  }
  const parameters = new Map([['@n', 3]])
  const page = readInfo(buildQueryPlan(container, 'SELECT c.a FROM c OFFSET 2 LIMIT @n', TWO, parameters))
  assert.deepEqual(
    [page.offset, page.limit, page.rewrittenQuery],
    [2, 3, 'SELECT VALUE {"a": c.a} FROM c OFFSET 0 LIMIT 5'],
  )
  for (const query of ['SELECT SUM(c.a) / COUNT(1) AS mean FROM c', 'SELECT VALUE {"n": COUNT(1)} FROM c'])
    assert.throws(() => buildQueryPlan(container, query, TWO), { status: 400, message: /Compositions of aggregates/ })
  for (const query of ['SELECT * FORM c', 'SELECT * FROM c ORDER BY c.a, c.b'])
    assert.throws(() => buildQueryPlan(container, query, ONE), { status: 400 })
})

// How a client combines the answers of partitions, in a simple form.

type Part = { readonly orderByItems: readonly { item?: unknown }[]; readonly payload: unknown }

function merged(answers: readonly (readonly Part[])[], descending: boolean): unknown[] {
  const key = ({ orderByItems }: Part): number => Number(orderByItems[0]?.item)
  return answers
    .flat()
    .sort((a, b) => (descending ? key(b) - key(a) : key(a) - key(b)))
    .map(({ payload }) => payload)
}

type Partial = { readonly item?: unknown; readonly item2?: { min?: number; max?: number } }

function total(type: string, parts: readonly Partial[]): unknown {
  if (type === 'Min') return Math.min(...parts.flatMap(({ item2 }) => item2?.min ?? []))
  if (type === 'Max') return Math.max(...parts.flatMap(({ item2 }) => item2?.max ?? []))
  if (type !== 'Average') return parts.reduce((sum, { item }) => sum + Number(item), 0)
  const pairs = parts.map(({ item }) => item as { sum: number; count: number })
  return pairs.reduce((sum, one) => sum + one.sum, 0) / pairs.reduce((sum, { count }) => sum + count, 0)
}

test('the partitions’ answers to the rewritten query combine to the answer to the query', async () => {
  const all = Array.from({ length: 30 }, (_, n) => ({ pk: 'p', n: (n * 7) % 30, half: n % 2, name: `name ${n}` }))
  const whole = await harness.createFilledContainer(all)
  const parts = [
    await harness.createFilledContainer(all.slice(0, 13)),
    await harness.createFilledContainer(all.slice(13)),
  ]
  const queryParts = async (query: string) => {
    const info = readInfo(buildQueryPlan(whole, query, TWO))
    const text = info.rewrittenQuery.replace('{documentdb-formattableorderbyquery-filter}', 'true')
    return { info, answers: await Promise.all(parts.map((part) => harness.ask(part, text))) }
  }
  for (const query of [
    'SELECT VALUE c.name FROM c WHERE c.half = 1 OR c.n > 20 ORDER BY c.n',
    'SELECT c.n, LOWER(c.name) AS l FROM c ORDER BY c.n DESC',
    'SELECT TOP 5 c.n FROM c ORDER BY c.n',
    'SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 3 LIMIT 4',
  ]) {
    const { info, answers } = await queryParts(query)
    const from = Number(info.offset ?? 0)
    const most = info.top ?? info.limit
    const rows = merged(answers as Part[][], query.includes('DESC'))
    const given = rows.slice(from, most === null ? undefined : from + Number(most))
    assert.deepEqual(given, await harness.ask(whole, query), query)
    for (const answer of answers) assert.ok(most === null || answer.length <= from + Number(most))
  }
  for (const aggregate of ['COUNT(1)', 'SUM(c.n)', 'MIN(c.n)', 'MAX(c.n)', 'AVG(c.n)']) {
    const query = `SELECT VALUE ${aggregate} FROM c WHERE c.n > 3`
    const { info, answers } = await queryParts(query)
    const [type] = info.aggregates as string[]
    const found = total(type ?? '', (answers as Partial[][][]).flat(2))
    assert.deepEqual([found], await harness.ask(whole, query), query)
  }
  const grouped = 'SELECT c.half, COUNT(1) AS n, AVG(c.n) AS mean, MAX(c.n) AS most FROM c GROUP BY c.half'
  const { info, answers } = await queryParts(grouped)
  const groups = Map.groupBy(answers.flat() as { groupByItems: unknown; payload: Record<string, Partial> }[], (one) =>
    JSON.stringify(one.groupByItems),
  )
  const types = Object.entries(info.groupByAliasToAggregateType as Record<string, string | null>)
  const results = [...groups.values()].map((members) =>
    Object.fromEntries(
      types.map(([alias, type]) => {
        const values = members.flatMap(({ payload }) => payload[alias] ?? [])
        return [alias, type === null ? values[0] : total(type, values)]
      }),
    ),
  )
  const byHalf = (a: Json, b: Json): number => Number(a.half) - Number(b.half)
  assert.deepEqual(results.sort(byHalf), ((await harness.ask(whole, grouped)) as Json[]).sort(byHalf))
})
