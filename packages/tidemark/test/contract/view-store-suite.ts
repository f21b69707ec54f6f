import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatPlace } from '../../core/document-key.ts'
import type { ViewStore } from '../../core/ports.ts'
import { documentKey } from '../support/document-keys.ts'

const cursorAt = (version: number) => ({
  version,
  hash: String(version).padStart(64, '0'),
  time: '2026-01-01T00:00:00.000Z',
  passed: { 'totals@1': version },
})
const write = (document: unknown, sort = 'sort', etag?: string) => ({ document, sort, etag })

/** The contract of every view store. @param create an empty store. */
export function viewStoreSuite(name: string, create: () => Promise<ViewStore>): void {
  describe(`view store: ${name}`, () => {
    it('refuses to create an existing document, or to replace one that has changed', async () => {
      const store = await create()
      assert.equal((await store.writeDocument('a', write({ n: 1 }), cursorAt(1))).outcome, 'written')
      assert.equal((await store.writeDocument('a', write({ n: 2 }), cursorAt(2))).outcome, 'conflict')
      const before = await store.read('a')
      assert.equal(
        (await store.writeDocument('a', write({ n: 2 }, 'sort', before?.etag), cursorAt(2))).outcome,
        'written',
      )
      assert.equal(
        (await store.writeDocument('a', write({ n: 3 }, 'sort', before?.etag), cursorAt(3))).outcome,
        'conflict',
      )
      const after = await store.read('a')
      assert.deepEqual([after?.document, after?.cursor], [{ n: 2 }, cursorAt(2)])
    })

    it('stores a cursor without a document', async () => {
      const store = await create()
      await store.writeDocument('a', write(undefined, ''), cursorAt(4))
      const item = await store.read('a')
      assert.deepEqual([item?.document, item?.cursor], [undefined, cursorAt(4)])
      assert.deepEqual(await store.list({ filter: {}, limit: 10 }), [])
    })

    it('applies an event to a document once: an existing applied marker refuses the write', async () => {
      const store = await create()
      assert.equal((await store.writeWithMarkers('a', write({ n: 1 }), ['order-1@1', 'order-2@1'])).outcome, 'written')
      const before = await store.read('a')
      assert.equal(
        (await store.writeWithMarkers('a', write({ n: 9 }, 'sort', before?.etag), ['order-3@1', 'order-2@1'])).outcome,
        'applied',
      )
      assert.deepEqual((await store.read('a'))?.document, { n: 1 })
      assert.deepEqual(
        await store.readMarkers('a', ['order-1@1', 'order-2@1', 'order-3@1']),
        new Set(['order-1@1', 'order-2@1']),
      )
    })

    it('keeps the applied markers and cursors of services with streams of one name apart', async () => {
      const store = await create()
      const markers = ['ordering/order-1@1', 'returns/order-1@1']
      assert.equal((await store.writeWithMarkers('a', write({}), markers.slice(0, 1))).outcome, 'written')
      assert.deepEqual(await store.readMarkers('a', [...markers, 'order-1@1']), new Set(markers.slice(0, 1)))
      assert.equal((await store.writeCursor('ordering/order-1', cursorAt(1), undefined)).outcome, 'written')
      assert.equal(await store.readCursor('returns/order-1'), undefined)
      assert.deepEqual((await store.readCursor('ordering/order-1'))?.cursor, cursorAt(1))
    })

    it('keeps the applied markers of documents apart', async () => {
      const store = await create()
      await store.writeWithMarkers('a', write({}), ['order-1@1'])
      assert.equal((await store.writeWithMarkers('b', write({}), ['order-1@1'])).outcome, 'written')
      assert.deepEqual(await store.readMarkers('c', ['order-1@1']), new Set())
    })

    it('writes no applied marker when the document has changed', async () => {
      const store = await create()
      await store.writeWithMarkers('a', write({}), ['order-1@1'])
      assert.equal((await store.writeWithMarkers('a', write({}, 'sort', 'another'), ['order-2@1'])).outcome, 'conflict')
      assert.equal((await store.writeWithMarkers('a', write({}), ['order-2@1'])).outcome, 'conflict')
      assert.deepEqual(await store.readMarkers('a', ['order-2@1']), new Set())
    })

    it('accepts as many applied markers in one write as its limit says', async () => {
      const store = await create()
      assert.equal(store.maxMarkersPerWrite, 99)
      const markers = Array.from({ length: store.maxMarkersPerWrite }, (_, index) => `order-${index}@1`)
      assert.equal((await store.writeWithMarkers('a', write({}), markers)).outcome, 'written')
      assert.deepEqual(await store.readMarkers('a', markers), new Set(markers))
    })

    it('refuses to overwrite a cursor with an outdated ETag', async () => {
      const store = await create()
      assert.equal(await store.readCursor('order-1'), undefined)
      assert.equal((await store.writeCursor('order-1', cursorAt(1), undefined)).outcome, 'written')
      assert.equal((await store.writeCursor('order-1', cursorAt(2), undefined)).outcome, 'conflict')
      const stored = await store.readCursor('order-1')
      assert.deepEqual(stored?.cursor, cursorAt(1))
      assert.equal((await store.writeCursor('order-1', cursorAt(2), stored?.etag)).outcome, 'written')
      assert.equal((await store.writeCursor('order-1', cursorAt(3), stored?.etag)).outcome, 'conflict')
      assert.deepEqual((await store.readCursor('order-1'))?.cursor, cursorAt(2))
    })

    it('lists documents by sort key, descending and filtered, from the end of a page', async () => {
      const store = await create()
      for (const [key, status] of [
        ['a', 'new'],
        ['b', 'old'],
        ['c', 'new'],
        ['d', 'new'],
      ] as const)
        await store.writeDocument(key, write({ key, status }, `sort-${key}`), cursorAt(1))
      await store.writeCursor('order-1', cursorAt(1), undefined)
      const keys = async (list: Parameters<ViewStore['list']>[0]) => (await store.list(list)).map(({ place }) => place)
      const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => formatPlace(`sort-${key}`, key))
      assert.deepEqual(await keys({ filter: {}, limit: 10 }), [d, c, b, a])
      assert.deepEqual(await keys({ filter: { status: 'new' }, limit: 2 }), [d, c])
      assert.deepEqual(await keys({ filter: { status: 'new' }, limit: 2, after: { place: c ?? '' } }), [a])
      assert.deepEqual(await keys({ filter: { status: 'lost' }, limit: 2 }), [])
      assert.deepEqual((await store.list({ filter: {}, limit: 1 }))[0]?.document, { key: 'd', status: 'new' })
    })

    it('lists documents with one sort key by their keys, and all after a higher sort key', async () => {
      const store = await create()
      for (const [key, sort] of [
        ['a', 'tea'],
        ['zz', 'te'],
        ['b', 'tea'],
        ['0', 'tea pot'],
        ['aa', 'tea'],
      ] as const)
        await store.writeDocument(key, write({ key }, sort), cursorAt(1))
      const listed = await store.list({ filter: {}, limit: 10 })
      assert.deepEqual(
        listed.map(({ document }) => (document as { key: string }).key),
        ['0', 'b', 'aa', 'a', 'zz'],
      )
    })

    it('stores documents of any keys apart', async () => {
      const store = await create()
      const keys = [...new Set(fc.sample(documentKey, { numRuns: 120, seed: 20261129 }))]
      for (const key of keys)
        assert.equal((await store.writeWithMarkers(key, write({ key }), ['order-1@1'])).outcome, 'written', key)
      for (const key of keys) assert.deepEqual((await store.read(key))?.document, { key })
    })
  })
}
