import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ListQuery } from '../../core/data-path.ts'
import { isTidemarkError } from '../../core/errors.ts'
import type { ViewStore } from '../../core/ports.ts'
import type { SingleStreamView } from '../../core/view.ts'
import { listDocuments, type QueryDependencies } from '../../runtime/query.ts'
import { documentKey } from '../support/document-keys.ts'
import { ManualClock } from '../support/fakes.ts'

interface Listed {
  readonly key: string
  readonly sort: string
  readonly status: 'new' | 'old'
  readonly owner?: string
  readonly title?: string
  readonly size?: { readonly weight: unknown }
}

export const listedView: SingleStreamView<Listed, never> = {
  kind: 'one-stream',
  name: 'listed',
  category: 'order',
  filters: { status: ['new', 'old'], owner: 'string' },
  orders: { title: 'string', 'size.weight': 'number' },
  evolve: (document) => document,
  sort: ({ sort }) => sort,
}

const cursor = { version: 1, hash: '1'.padStart(64, '0'), time: '2026-01-01T00:00:00.000Z' }

// Few sort keys, so that many documents share one. Some are prefixes of others, and one is half a surrogate
// pair.
const sort = fc.constantFrom('', 'a', 'a', 'a', 'a b', 'ab', 'ä', '😀', '\ud83d', 'a\u0001', '2026-11-29T12:00:00.000Z')
const listed: fc.Arbitrary<Listed> = fc.record({
  key: fc.oneof(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'aa'), documentKey),
  sort,
  status: fc.constantFrom('new', 'old'),
})

/** Writes between two pages: new documents, and earlier ones, by number, that are written again. */
const between = fc.record({ come: fc.array(listed, { maxLength: 3 }), again: fc.array(fc.nat(), { maxLength: 2 }) })

/** The contract of lists, for any documents. @param create an empty store. */
export function viewListsSuite(name: string, create: () => Promise<ViewStore>, numRuns: number): void {
  describe(`lists of a view: ${name}`, () => {
    it('return five documents with one sort key in pages of two', async () => {
      const store = await create()
      for (const key of ['a', 'b', 'c', 'd', 'e']) await write(store, { key, sort: 'same', status: 'new' })
      for (const filter of [{}, { status: 'new' }]) {
        const pages = await readPages(store, { filter, limit: 2 })
        assert.deepEqual(
          pages.map((page) => page.map(({ key }) => key)),
          [['e', 'd'], ['c', 'b'], ['a']],
        )
      }
    })

    it('return a lasting document once, in the order of sort keys, whatever is written meanwhile', () =>
      fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(listed, { selector: ({ key }) => key, maxLength: 12 }),
          fc.array(between, { maxLength: 12 }),
          fc.constantFrom({}, { status: 'new' as const }),
          fc.integer({ min: 1, max: 5 }),
          async (documents, changes, filter, limit) => {
            const left = changes.values()
            const store = await create()
            for (const document of documents) await write(store, document)
            const pages = await readPages(store, { filter, limit }, async () => {
              const { come = [], again = [] } = left.next().value ?? {}
              for (const document of come)
                if (!documents.some(({ key }) => key === document.key)) await write(store, document)
              for (const number of again) {
                const document = documents[number % documents.length]
                if (document) await write(store, document)
              }
            })
            const seen = pages.flat()
            assert.equal(new Set(seen.map(({ key }) => key)).size, seen.length, 'no document comes twice')
            const wanted = documents.filter(({ status }) => filter.status === undefined || status === filter.status)
            for (const document of wanted)
              assert.ok(
                seen.some(({ key }) => key === document.key),
                `${JSON.stringify(document)} is missing`,
              )
            assert.ok(
              pages.slice(0, -1).every((page) => page.length === limit),
              'every page but the last is full',
            )
            // Compared only for sort keys whose text every store orders alike.
            const sorts = seen.map((document) => document.sort).filter((text) => /^[ -~]*$/.test(text))
            assert.deepEqual(sorts, sorts.toSorted().reverse())
          },
        ),
        { numRuns },
      ))

    it('return exactly the documents of a range, in the order of a field, in either direction', () => {
      const counts = { listed: 0, ranges: 0 }
      return fc
        .assert(
          fc.asyncProperty(
            fc.uniqueArray(ordered, { selector: ({ key }) => key, maxLength: 10 }),
            asked,
            async (documents, query) => {
              const store = await create()
              for (const document of documents) await write(store, document)
              const pages = await readPages(store, query)
              const expected = expectedKeys(documents, query)
              assert.deepEqual(
                pages.flat().map(({ key }) => key),
                expected,
              )
              counts.listed += expected.length
              if (query.from !== undefined && expected.length > 0) counts.ranges++
            },
          ),
          { numRuns },
        )
        .then(() => assert.ok(counts.listed > numRuns / 2 && counts.ranges > 0, JSON.stringify(counts)))
    })

    for (const [what, query, detail] of [
      ['an order that is not declared', { order: 'status' }, /cannot be ordered by status/],
      ['a name that every object has', { order: 'constructor' }, /cannot be ordered by constructor/],
      ['a range without an order', { from: 'a' }, /send order too/],
      ['a range of another type', { order: 'size.weight', to: 'heavy' }, /to must be a number/],
      ['a filter that is not declared', { filter: { title: 'a' } }, /cannot be filtered by title/],
      ['a value that a filter does not have', { filter: { status: 'lost' } }, /must be one of new, old/],
      ['a continuation of another order', { order: 'title', continuation: 'YQ' }, /not returned by this list/],
    ] as const)
      it(`refuse ${what}`, async () => {
        const store = await create()
        await write(store, { key: 'a', sort: 'a', status: 'new', title: 'a' })
        const list = listDocuments(queryDependencies(store), listedView, { filter: {}, limit: 1, ...query })
        await assert.rejects(list, (error) => {
          return isTidemarkError(error) && error.code === 'invalid-query' && detail.test(error.message)
        })
      })
  })
}

// Few values, so that many documents share one. Some have none, or one of another type.
const ordered: fc.Arbitrary<Listed> = fc.record(
  {
    key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'aa'),
    sort: fc.constantFrom('', 'a', 'b'),
    status: fc.constantFrom('new', 'old'),
    owner: fc.constantFrom('', 'me', 'you'),
    title: fc.constantFrom('', 'a', 'b', 'b c'),
    size: fc.record({ weight: fc.constantFrom<unknown>(-1.5, 0, 1, 2, 1e21, '1', null, true) }),
  },
  { requiredKeys: ['key', 'sort', 'status'] },
)

const asked: fc.Arbitrary<Omit<ListQuery, 'continuation'>> = fc
  .tuple(
    fc.constantFrom(['title', ['', 'a', 'b']] as const, ['size.weight', ['-1.5', '0', '1', '1e3']] as const, undefined),
    fc.constantFrom('ascending' as const, 'descending' as const, undefined),
    fc.constantFrom({}, { status: 'new' }, { owner: 'me' }, { owner: 'me', status: 'old' }),
    fc.integer({ min: 1, max: 4 }),
    fc.tuple(fc.option(fc.nat()), fc.option(fc.nat())),
  )
  .map(([by, direction, filter, limit, [from, to]]) => {
    const [order, values] = by ?? []
    const bound = (name: 'from' | 'to', at: number | null) =>
      values === undefined || at === null ? {} : { [name]: values[at % values.length] }
    return {
      ...{ filter, limit },
      ...(order === undefined ? {} : { order }),
      ...(direction === undefined ? {} : { direction }),
      ...bound('from', from),
      ...bound('to', to),
    }
  })

/** What a list must return, computed without the code of lists. */
function expectedKeys(documents: readonly Listed[], query: Omit<ListQuery, 'continuation'>): readonly string[] {
  const { filter, order, direction, from, to } = query
  const readValue = ({ title, size }: Listed): unknown => (order === 'title' ? title : size?.weight)
  const parse = (text: string): string | number => (order === 'title' ? text : Number(text))
  const isIn = (value: unknown): boolean => {
    if (typeof value !== (order === 'title' ? 'string' : 'number')) return false
    const [known] = [value as string]
    return (from === undefined || known >= parse(from)) && (to === undefined || known < parse(to))
  }
  const found = documents
    .filter(({ status }) => filter.status === undefined || status === filter.status)
    .filter(({ owner }) => filter.owner === undefined || owner === filter.owner)
    .filter((document) => order === undefined || isIn(readValue(document)))
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
  found.sort((a, b) => {
    const [one, other] = [readValue(a) as string, readValue(b) as string]
    return (order ? compare(one, other) : 0) || compare(a.sort, b.sort) || compare(a.key, b.key)
  })
  if (direction !== 'ascending') found.reverse()
  return found.map(({ key }) => key)
}

/** Creates the document, or writes it again unchanged. */
async function write(store: ViewStore, document: Listed): Promise<void> {
  const before = await store.read(document.key)
  const unchanged = (before?.document as Listed | undefined) ?? document
  const result = await store.writeDocument(
    document.key,
    { document: unchanged, sort: listedView.sort(unchanged), etag: before?.etag },
    cursor,
  )
  assert.equal(result.outcome, 'written')
}

function queryDependencies(store: ViewStore): QueryDependencies {
  const live = { number: 1, store }
  const views = { state: async () => ({ live, writeTargets: [live], others: [] }) }
  return { views, clock: new ManualClock(), maxWait: 0 }
}

/** All pages of a list, requested one after the other. @param meanwhile runs between two pages. */
async function readPages(
  store: ViewStore,
  query: Omit<ListQuery, 'continuation'>,
  meanwhile: () => Promise<void> = async () => {},
): Promise<readonly (readonly Listed[])[]> {
  const deps = queryDependencies(store)
  const pages: (readonly Listed[])[] = []
  for (let continuation: string | undefined; ; ) {
    const page = await listDocuments(deps, listedView, {
      ...query,
      ...(continuation === undefined ? {} : { continuation }),
    })
    pages.push(page.documents as readonly Listed[])
    continuation = page.continuation
    if (continuation === undefined) return pages
    await meanwhile()
  }
}
