import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../values/json.ts'
import { formatId, QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

const SETTINGS = {
  indexingPolicy: {
    includedPaths: [{ path: '/*' }],
    compositeIndexes: [
      [
        { path: '/n', order: 'ascending' },
        { path: '/m', order: 'descending' },
      ],
    ],
  },
}

/** Items that change between pages have odd numbers, and never the id of another. */
const isTouched = (index: number): boolean => index % 2 === 1

const made = (index: number, n: unknown): Json => ({
  id: formatId(index),
  pk: index % 3 ? 'a' : 'b',
  n,
  m: index % 4,
  list: Array.from({ length: index % 3 }, (_, at) => `${formatId(index)}/${at}`),
})

/** Queries whose results identify their items, with the results of an item. */
const QUERIES: readonly (readonly [text: string, resultsOf: (item: Json) => readonly unknown[]])[] = [
  ['SELECT VALUE c.id FROM c', ({ id }) => [id]],
  ['SELECT VALUE c.id FROM c ORDER BY c.n', ({ id }) => [id]],
  ['SELECT VALUE c.id FROM c ORDER BY c.n DESC', ({ id }) => [id]],
  ['SELECT VALUE c.id FROM c ORDER BY c.n DESC, c.m', ({ id }) => [id]],
  ['SELECT VALUE c.id FROM c WHERE c.n >= 1', ({ id, n }) => (Number(n) >= 1 ? [id] : [])],
  ['SELECT VALUE x FROM c JOIN x IN c.list', ({ list }) => list as string[]],
  ['SELECT VALUE x FROM c JOIN x IN c.list ORDER BY c.n DESC', ({ list }) => list as string[]],
  ['SELECT DISTINCT VALUE c.id FROM c', ({ id }) => [id]],
  ['SELECT DISTINCT VALUE c.id FROM c ORDER BY c.n', ({ id }) => [id]],
  ['SELECT VALUE c.id FROM c GROUP BY c.id', ({ id }) => [id]],
]

const values = fc.constantFrom(0, 1, 2, 3, 'a', 'b', 'x'.repeat(600), null)
const changes = fc.array(fc.record({ index: fc.nat(120), n: values, gone: fc.boolean() }), { maxLength: 6 })

for (const [text, resultsOf] of QUERIES)
  test(`pages of ${text} neither repeat nor lose untouched items, whatever is written between them`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(values, { minLength: 1, maxLength: 100, size: 'max' }),
        fc.array(changes, { maxLength: 20 }),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (all, between, maxItems, inOne) => {
          const items = all.map((n, index) => made(index, n))
          const container = await harness.createFilledContainer(items, SETTINGS)
          const asked = { maxItems, ...(inOne ? { pk: '["a"]' } : {}) }
          const there = new Set(items.map(({ id }) => id))
          const seen: unknown[] = []
          let continuation: string | undefined
          do {
            const page = await harness.page(container, text, { ...asked, continuation })
            seen.push(...page.results.map((result) => JSON.parse(result)))
            for (const { index, n, gone } of between.shift() ?? []) {
              if (!isTouched(index)) continue
              const item = made(index, n)
              if (!gone) await harness.write(container, [item])
              else if (there.has(item.id)) await harness.remove(container, item.pk, String(item.id))
              if (gone) there.delete(item.id)
              else there.add(item.id)
            }
            continuation = page.continuation
          } while (continuation !== undefined)
          const untouched = items.filter(({ pk }, index) => !isTouched(index) && (!inOne || pk === 'a'))
          const expected = untouched.flatMap(resultsOf)
          const ids = new Set(untouched.map(({ id }) => id))
          const found = seen.filter((result) => ids.has(String(result).slice(0, 3)))
          assert.deepEqual(found.sort(), expected.sort())
        },
      ),
      { numRuns: 40 },
    )
  })

test('TOP, OFFSET and LIMIT count over all pages', async () => {
  const container = await harness.createFilledContainer(Array.from({ length: 90 }, (_, index) => made(index, index)))
  const numbers = Array.from({ length: 90 }, (_, index) => index)
  for (const maxItems of [1, 7, 100])
    for (const [text, expected] of [
      ['SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 3 LIMIT 20', numbers.slice(3, 23)],
      ['SELECT TOP 5 VALUE c.n FROM c ORDER BY c.n DESC', numbers.slice(-5).reverse()],
      ['SELECT DISTINCT TOP 3 VALUE c.m FROM c', [0, 1, 2]],
      ['SELECT TOP 0 VALUE c.n FROM c', []],
      ['SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 88 LIMIT 10', [88, 89]],
      ['SELECT VALUE c.n FROM c ORDER BY c.n OFFSET 99 LIMIT 10', []],
      ['SELECT VALUE c.n FROM c ORDER BY c.n + 0 OFFSET 0 LIMIT 1', undefined],
    ] as const)
      if (expected) assert.deepEqual(await harness.ask(container, text, { maxItems }), expected, text)
      else await assert.rejects(harness.ask(container, text, { maxItems }), /document path/)
})

test('a changed token is a 400 or resumes somewhere, and never fails otherwise', async () => {
  const container = await harness.createFilledContainer(
    Array.from({ length: 80 }, (_, index) => made(index, index % 5)),
    SETTINGS,
  )
  const text = 'SELECT VALUE c.id FROM c WHERE c.n > 0'
  const { continuation = '' } = await harness.page(container, text, { maxItems: 3 })
  const token = JSON.parse(Buffer.from(continuation, 'base64').toString())
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(token)), fc.jsonValue(), async (name, value) => {
      const forged = Buffer.from(JSON.stringify({ ...token, [name]: value })).toString('base64')
      try {
        await harness.page(container, text, { maxItems: 3, continuation: forged })
      } catch (error) {
        assert.equal((error as { status?: unknown }).status, 400, String(error))
      }
    }),
    { numRuns: 300 },
  )
})

test('a page ends after 4 MB or 100,000 items read, and the next one resumes', async () => {
  const container = await harness.createFilledContainer(
    Array.from({ length: 12 }, (_, index) => ({ pk: 'a', n: index, text: 'x'.repeat(1_000_000) })),
  )
  const sizes: number[] = []
  let continuation: string | undefined
  do {
    const page = await harness.page(container, 'SELECT * FROM c', { continuation })
    sizes.push(page.results.length)
    continuation = page.continuation
  } while (continuation !== undefined)
  assert.deepEqual(sizes, [5, 5, 2])

  const many = await harness.container()
  for (let from = 0; from < 100_010; from += 10_001)
    await harness.write(
      many,
      Array.from({ length: 10_001 }, (_, at) => ({ id: String(from + at), pk: 'a', n: from + at })),
    )
  const scan = 'SELECT VALUE c.n FROM c WHERE c.n + 0 < 0'
  const first = await harness.page(many, scan)
  assert.deepEqual([first.results.length, first.loaded], [0, 100_000])
  const second = await harness.page(many, scan, { continuation: first.continuation })
  assert.deepEqual([second.loaded, second.continuation], [10, undefined])
})

test('ORDER BY over large items retains no more of them than a page', async () => {
  const big = Array.from({ length: 60 }, (_, index) => ({ pk: 'a', n: -index, text: 'x'.repeat(1_900_000) }))
  const container = await harness.createFilledContainer(big)
  const page = await harness.page(container, 'SELECT c.n, c.text FROM c ORDER BY c.n', { maxItems: 50 })
  assert.deepEqual(
    page.results.map((result) => JSON.parse(result).n),
    [-59, -58, -57],
  )
  const rest = { continuation: page.continuation, maxItems: 50 }
  const next = await harness.page(container, 'SELECT c.n, c.text FROM c ORDER BY c.n', rest)
  assert.equal(JSON.parse(next.results[0] ?? '').n, -56)
  const distinct = 'SELECT DISTINCT c.n, c.text, c.text AS more FROM c'
  await assert.rejects(harness.page(container, distinct), { status: 400, message: /needs more than 268435456 bytes/ })
})

test('joins of too many rows are refused with that reason', async () => {
  const wide = await harness.createFilledContainer([{ pk: 'a', list: Array.from({ length: 300 }, (_, at) => at) }])
  const joins = 'SELECT VALUE COUNT(1) FROM c JOIN x IN c.list JOIN y IN c.list JOIN z IN c.list'
  await assert.rejects(harness.page(wide, joins), { status: 400, message: /makes more than 2000000 rows/ })
})
