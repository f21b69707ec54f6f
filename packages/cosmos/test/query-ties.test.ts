import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ResumeFilter } from '../query/resume-filter.ts'
import type { Container } from '../resources/catalog.ts'
import type { Json } from '../values/json.ts'
import { formatId, QueryHarness } from './query-harness.ts'

const harness = new QueryHarness()

const RANGES = [
  { min: '', max: '15' },
  { min: '15', max: '2A' },
  { min: '2A', max: 'FF' },
]

const SETTINGS = {
  indexingPolicy: {
    includedPaths: [{ path: '/*' }],
    compositeIndexes: [
      ['ascending', 'ascending'],
      ['ascending', 'descending'],
    ].map(([first, second]) => [
      { path: '/n', order: first },
      { path: '/m', order: second },
    ]),
  },
}

/** A partition's answer to the rewritten query of a plan. */
interface Row {
  readonly _rid: string
  readonly orderByItems: readonly { readonly item?: unknown }[]
  readonly payload: string
}

const ORDERS = ['c.n', 'c.n DESC', 'c.n, c.m', 'c.n DESC, c.m DESC', 'c.n, c.m DESC', 'c.n DESC, c.m']
const FROM = { items: 'FROM c', rows: 'FROM c JOIN x IN c.list' }

/** Conditions of WHERE, with the values of `n` that they let through. */
const WHERES: readonly (readonly [text: string, lets: (n: unknown) => boolean])[] = [
  ['true', () => true],
  ['IS_DEFINED(c.n)', (n) => n !== undefined],
  ['c.n >= 1', (n) => typeof n === 'number' && n >= 1],
  ['c.n < 1 OR c.n = true OR IS_STRING(c.n)', (n) => n === true || typeof n === 'string' || n === 0],
  ['IS_NULL(c.n) OR c.n != 1', (n) => n !== undefined && n !== 1],
  ['STARTSWITH(c.n, "x")', (n) => typeof n === 'string' && n.startsWith('x')],
]

const rewritten = (order: string, from: keyof typeof FROM, where = 'true'): string => {
  const items = order.split(', ').map((term) => `{"item": ${term.split(' ')[0]}}`)
  const payload = from === 'items' ? 'c.id' : 'x'
  return (
    `SELECT c._rid, [${items.join(', ')}] AS orderByItems, ${payload} AS payload ` +
    `${FROM[from]} WHERE (${where}) ORDER BY ${order}`
  )
}

/** The number that both SDKs compare: the last 8 bytes of a rid, the lowest byte first. */
const parseRidNumber = (rid: string): bigint => Buffer.from(rid.replaceAll('-', '/'), 'base64').readBigUInt64LE(8)

const TYPES = ['undefined', 'null', 'boolean', 'number', 'string']
const rank = (value: unknown): number => TYPES.indexOf(value === null ? 'null' : typeof value)

/** Compares texts simply: they have one case and no special letters. */
function compare(left: Row, right: Row, order: string): number {
  for (const [index, term] of order.split(', ').entries()) {
    const [a, b] = [left.orderByItems[index]?.item, right.orderByItems[index]?.item]
    const result =
      rank(a) - rank(b) || (Number.isNaN(Number(a)) ? (`${a}` < `${b}` ? -1 : +(a !== b)) : Number(a) - Number(b))
    if (a !== b && result !== 0) return term.endsWith('DESC') ? -result : result
  }
  return 0
}

/** Where the last page ended. */
interface Left {
  readonly range: number
  readonly row: Row
  /** How many of the item's rows were returned. */
  readonly given: number
}

/**
 * Reads a page like a client that knows only where the previous page ended: it merges the rows of all ranges,
 * and orders equal ones by range.
 */
async function readPage(
  container: Container,
  text: string,
  order: string,
  left: Left | undefined,
  size: number,
  serverPage: number,
): Promise<{ row: Row; range: number }[]> {
  const heads: { rows: Row[]; range: number }[] = []
  for (const [range, epks] of RANGES.entries()) {
    const values = left?.row.orderByItems.map((one) => ('item' in one ? one.item : undefined)) ?? []
    const resume: ResumeFilter | undefined = left && {
      values,
      rid: range === left.range ? left.row._rid : undefined,
      exclude: range < left.range,
    }
    const rows = (await harness.ask(container, text, {
      epks,
      maxItems: serverPage,
      ...(resume && { resume }),
    })) as Row[]
    let skip = range === left?.range ? left.given : 0
    heads.push({ range, rows: rows.filter((row) => row._rid !== left?.row._rid || skip-- <= 0) })
  }
  const page: { row: Row; range: number }[] = []
  while (page.length < size) {
    const next = heads
      .filter(({ rows }) => rows.length > 0)
      .reduce<(typeof heads)[number] | undefined>((best, one) => {
        const [a, b] = [best?.rows[0], one.rows[0]]
        return a && b && compare(a, b, order) <= 0 ? best : one
      }, undefined)
    const row = next?.rows.shift()
    if (!next || !row) break
    page.push({ row, range: next.range })
  }
  return page
}

const value = fc.constantFrom(undefined, null, false, true, 0, 1, 1.5, 'a', 'b', 'x'.repeat(600))
const document = fc.record({ pk: fc.nat(30), n: value, m: value })

for (const order of ORDERS)
  for (const from of ['items', 'rows'] as const)
    test(`pages by ${order} over ranges, of ${from}, resumed by the last row, neither repeat nor lose`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(document, { minLength: 1, maxLength: 100, size: 'max' }),
          fc.integer({ min: 5, max: 40 }),
          fc.integer({ min: 1, max: 30 }),
          fc.constantFrom(...WHERES),
          async (made, size, serverPage, [where, lets]) => {
            const documents = made.map(({ pk, n, m }, index): Json => {
              const list = Array.from({ length: index % 3 }, (_, at) => `${formatId(index)}/${at}`)
              return { pk: `k${pk}`, list, ...(n !== undefined && { n }), ...(m !== undefined && { m }) }
            })
            const container = await harness.createFilledContainer(documents, SETTINGS)
            const text = rewritten(order, from, where)
            const seen: Row[] = []
            let left: Left | undefined
            for (;;) {
              const page = await readPage(container, text, order, left, size, serverPage)
              seen.push(...page.map(({ row }) => row))
              assert.ok(seen.length <= documents.length * 2, 'the pages have an end')
              const last = page.at(-1)
              if (!last) break
              left = { ...last, given: seen.filter(({ _rid }) => _rid === last.row._rid).length }
            }
            const expected = documents.flatMap(({ n, list }, index) => {
              if (!lets(n)) return []
              return from === 'items' ? [formatId(index)] : (list as string[])
            })
            assert.deepEqual(seen.map(({ payload }) => payload).sort(), expected.sort())
            for (const [index, row] of seen.entries()) {
              const next = seen[index + 1]
              if (next) assert.ok(compare(row, next, order) <= 0)
            }
          },
        ),
        { numRuns: 40 },
      )
    })

test('ties come by the number in the rid, descending if any order is, with an index and without', async () => {
  for (const count of [30, 90]) {
    const documents = Array.from({ length: count }, (_, index) => ({
      pk: `k${(index * 7) % 11}`,
      n: index % 3,
      m: index % 2,
    }))
    const container = await harness.createFilledContainer(documents, SETTINGS)
    for (const order of ORDERS) {
      const rows = (await harness.ask(container, rewritten(order, 'items'), { maxItems: 7 })) as Row[]
      assert.equal(rows.length, count)
      for (const [index, row] of rows.entries()) {
        const next = rows[index + 1]
        if (!next || compare(row, next, order) !== 0) continue
        const isAfter = parseRidNumber(next._rid) > parseRidNumber(row._rid)
        assert.equal(isAfter, !order.includes('DESC'), order)
      }
      assert.equal((await harness.page(container, rewritten(order, 'items'))).tiesDescend, order.includes('DESC'))
    }
  }
  const plain = await harness.createFilledContainer([{ pk: 'a' }])
  assert.equal((await harness.page(plain, 'SELECT * FROM c')).tiesDescend, undefined)
})
