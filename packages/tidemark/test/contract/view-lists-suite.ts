import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ViewStore } from '../../core/ports.ts'
import type { SingleStreamView } from '../../core/view.ts'
import { listDocuments } from '../../runtime/query.ts'
import { documentKey } from '../support/document-keys.ts'
import { ManualClock } from '../support/fakes.ts'

interface Listed {
  readonly key: string
  readonly sort: string
  readonly status: 'new' | 'old'
}

const view: SingleStreamView<Listed, never> = {
  kind: 'one-stream',
  name: 'listed',
  category: 'order',
  filters: { status: ['new', 'old'] },
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
        const pages = await readPages(store, filter, 2)
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
            const pages = await readPages(store, filter, limit, async () => {
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
  })
}

/** Creates the document, or writes it again unchanged. */
async function write(store: ViewStore, document: Listed): Promise<void> {
  const before = await store.read(document.key)
  const unchanged = (before?.document as Listed | undefined) ?? document
  const result = await store.writeDocument(
    document.key,
    { document: unchanged, sort: view.sort(unchanged), etag: before?.etag },
    cursor,
  )
  assert.equal(result.outcome, 'written')
}

/** All pages of a list, requested one after the other. @param meanwhile runs between two pages. */
async function readPages(
  store: ViewStore,
  filter: Readonly<Record<string, string>>,
  limit: number,
  meanwhile: () => Promise<void> = async () => {},
): Promise<readonly (readonly Listed[])[]> {
  const live = { number: 1, store }
  const views = { state: async () => ({ live, writeTargets: [live], others: [] }) }
  const deps = { views, clock: new ManualClock(), maxWait: 0 }
  const pages: (readonly Listed[])[] = []
  for (let continuation: string | undefined; ; ) {
    const page = await listDocuments(deps, view, {
      filter,
      limit,
      ...(continuation === undefined ? {} : { continuation }),
    })
    pages.push(page.documents as readonly Listed[])
    continuation = page.continuation
    if (continuation === undefined) return pages
    await meanwhile()
  }
}
