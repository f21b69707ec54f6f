import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '@azure/cosmos'
import { newFolder, startControlled } from './controlled-emulator.ts'
import { assertRefused, buildItemsPath, type CosmosTarget, newContainer, type RawAnswer, sendRaw } from './support.ts'

const COUNT = 120
const KINDS = 4

const composite = (first: string, second: string, order: 'ascending' | 'descending') => [
  { path: `/${first}`, order: 'ascending' as const },
  { path: `/${second}`, order },
]

const INDEXING = {
  includedPaths: [{ path: '/*' }],
  compositeIndexes: [composite('n', 'up', 'ascending'), composite('n', 'down', 'descending')],
}

/**
 * In an order of several terms the SDK resumes by `a >= x AND b >= y`. Items would be lost if the second term
 * did not run as the first: `up` and `down` do.
 */
const ORDERS: readonly (readonly [order: string, descending: boolean])[] = [
  ['c.n', false],
  ['c.n DESC', true],
  ['c.name', false],
  ['c.name DESC', true],
  ['c.n, c.up', false],
  ['c.n DESC, c.up DESC', true],
  ['c.n, c.down DESC', false],
  ['c.n DESC, c.down', true],
]

async function filled(container: Container): Promise<void> {
  for (let at = 0; at < COUNT; at++) {
    const n = at % KINDS
    const item = { id: `i${at}`, pk: `k${at % 23}`, n, up: n * 10, down: -n, name: `it's "${n}" \\` }
    await container.items.create(item)
  }
}

interface Pages {
  readonly results: unknown[]
  readonly pages: number
}

/** All results. Each page is read by a new iterator that knows only the continuation. */
async function byContinuation(container: Container, query: string, maxItemCount: number): Promise<Pages> {
  const results: unknown[] = []
  let [pages, continuationToken]: [number, string | undefined] = [0, undefined]
  do {
    const options = { forceQueryPlan: true, enableQueryControl: true, maxItemCount }
    const page = await container.items
      .query(query, continuationToken === undefined ? options : { ...options, continuationToken })
      .fetchNext()
    results.push(...page.resources)
    pages += 1
    continuationToken = page.continuationToken
    assert.ok(pages < COUNT * 2, 'the pages have an end')
  } while (continuationToken !== undefined)
  return { results, pages }
}

test('the SDK resumes an order of many equals over ranges, in both directions and by several values', async (t) => {
  const running = await startControlled(t, await newFolder(t))
  const container = await newContainer(t, running.target, { indexingPolicy: INDEXING })
  await filled(container)
  for (const range of ['0', '2']) {
    const path = `/databases/${container.database.id}/containers/${container.id}/ranges/${range}/split`
    assert.equal((await running.call('POST', path)).status, 200)
  }
  const kinds = Array.from({ length: COUNT }, (_, at) => Math.floor((at * KINDS) / COUNT))
  const ids = Array.from({ length: COUNT }, (_, at) => `i${at}`).sort()
  for (const [order, descending] of ORDERS)
    for (const size of [7, 50]) {
      const query = `SELECT VALUE {"id": c.id, "n": c.n} FROM c WHERE c.n >= 0 ORDER BY ${order}`
      const { results, pages } = await byContinuation(container, query, size)
      const found = results as { id: string; n: number }[]
      assert.deepEqual(found.map(({ id }) => id).sort(), ids, `${order}, pages of ${size}`)
      const inOrder = found.map(({ n }) => n)
      assert.deepEqual(inOrder, descending ? kinds.toReversed() : kinds, order)
      assert.ok(pages >= COUNT / size, `${pages} pages`)
      const once = container.items.query(query, { forceQueryPlan: true, maxItemCount: size })
      assert.deepEqual(new Set((await once.fetchAll()).resources.map(({ id }) => id)), new Set(ids))
    }
})

const QUERY = 'SELECT c._rid, [{"item": c.n}] AS orderByItems, c.id AS payload FROM c ORDER BY c.n'

async function asked(target: CosmosTarget, container: Container, body: object, more = {}): Promise<RawAnswer> {
  const headers = { 'content-type': 'application/query+json', 'x-ms-documentdb-isquery': 'true', ...more }
  return sendRaw(target, 'POST', buildItemsPath(container), headers, JSON.stringify(body))
}

const payloads = ({ text }: RawAnswer): string[] =>
  JSON.parse(text).Documents.map(({ payload }: { payload: string }) => payload)

test('a query resumes at its resumeFilter, or at its continuation where that is later', async (t) => {
  const { target } = await startControlled(t, await newFolder(t))
  const container = await newContainer(t, target)
  await filled(container)
  const whole = { 'x-ms-max-item-count': '1000' }
  const all = await asked(target, container, { query: QUERY }, whole)
  const rows = JSON.parse(all.text).Documents as { _rid: string; payload: string }[]
  const ids = rows.map(({ payload }) => payload)
  const at = ids.indexOf('i41')
  const rid = rows[at]?._rid
  for (const [resumeFilter, from, backwards] of [
    [{ value: [1], exclude: false }, 30, 60],
    [{ value: [1], exclude: true }, 60, 90],
    [{ value: [1], rid, exclude: false }, at, COUNT - 1 - at],
    [{ value: [1], rid, exclude: true }, at + 1, COUNT - at],
    [{ value: [[]], exclude: false }, 0, COUNT],
    [{ value: [0.5], rid: null, exclude: true }, 30, 90],
    [{ value: ['text'], exclude: false }, COUNT, 0],
  ] as const) {
    const answer = await asked(target, container, { query: QUERY, resumeFilter }, whole)
    assert.deepEqual(payloads(answer), ids.slice(from), JSON.stringify(resumeFilter))
    const turned = await asked(target, container, { query: `${QUERY} DESC`, resumeFilter }, whole)
    assert.deepEqual(payloads(turned), ids.toReversed().slice(backwards), JSON.stringify(resumeFilter))
  }
  const page = await asked(target, container, { query: QUERY }, { 'x-ms-max-item-count': '35' })
  const continuation = { ...whole, 'x-ms-continuation': String(page.headers['x-ms-continuation']) }
  for (const [value, from] of [
    [0, 35],
    [1, 35],
    [2, 60],
  ]) {
    const resumeFilter = { value: [value], exclude: false }
    const answer = await asked(target, container, { query: QUERY, resumeFilter }, continuation)
    assert.deepEqual(payloads(answer), ids.slice(from))
  }
})

test('an ordered query reports the direction of rids of equals, and other queries report none', async (t) => {
  const { target } = await startControlled(t, await newFolder(t))
  const container = await newContainer(t, target, { indexingPolicy: INDEXING })
  for (const [query, info] of [
    ['SELECT * FROM c', undefined],
    ['SELECT VALUE COUNT(1) FROM c', undefined],
    ['SELECT * FROM c ORDER BY c.n', { reverseRidEnabled: false, reverseIndexScan: false }],
    ['SELECT * FROM c ORDER BY c.n DESC', { reverseRidEnabled: false, reverseIndexScan: true }],
    ['SELECT * FROM c ORDER BY c.n, c.down DESC', { reverseRidEnabled: false, reverseIndexScan: true }],
  ] as const) {
    const header = (await asked(target, container, { query })).headers['x-ms-cosmos-query-execution-info']
    assert.deepEqual(header === undefined ? undefined : JSON.parse(String(header)), info, query)
  }
})

test('an invalid query, or one that cannot be resumed as asked, is refused', async (t) => {
  const { target } = await startControlled(t, await newFolder(t))
  const container = await newContainer(t, target)
  await container.items.create({ id: '1', pk: 'a', n: 1 })
  const refused = async (body: object, message: RegExp, headers = {}): Promise<void> =>
    assertRefused(await asked(target, container, body, headers), 400, message)
  const resume = (resumeFilter: unknown, message: RegExp, query = QUERY) => refused({ query, resumeFilter }, message)
  const whole = { value: [1], exclude: false }
  await refused({ query: QUERY, clientQLCompilationInfo: {} }, /"clientQLCompilationInfo\\?" in a query/)
  await refused({ query: QUERY, parameter: [] }, /"parameter\\?" in a query/)
  const plan = { 'x-ms-cosmos-is-query-plan-request': 'true' }
  await refused({ query: QUERY, resumeFilter: whole }, /"resumeFilter\\?" in a query/, plan)
  for (const filter of [
    null,
    'x',
    [],
    {},
    { value: 1, exclude: false },
    { value: [1] },
    { value: [1], exclude: 'no' },
    { value: [1], rid: 1, exclude: false },
    { ...whole, more: 1 },
  ])
    await resume(filter, /a resumeFilter must be \{value, rid, exclude\}/)
  await resume({ ...whole, value: [] }, /one value for each expression/)
  await resume({ ...whole, value: [1, 2] }, /one value for each expression/)
  await resume({ ...whole, rid: 'x' }, /that of an item of this container/)
  await resume({ ...whole, rid: 'AAAAAoAAABObCAAAAAAAAA==' }, /that of an item of this container/)
  for (const type of ['array', 'object'])
    await resume({ value: [{ type, low: 1, high: 2 }], exclude: false }, /an order by arrays or objects/)
  await resume({ ...whole, value: [] }, /one value for each expression/, 'SELECT * FROM c')
  await resume(whole, /groups or DISTINCT/, 'SELECT DISTINCT VALUE c.n FROM c ORDER BY c.n')
  await resume(whole, /groups or DISTINCT/, 'SELECT VALUE COUNT(1) FROM c')
})
