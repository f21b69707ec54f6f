import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ViewGenerations, ViewStore } from '../../core/ports.ts'

const VIEW = 'sales'
const cursor = { version: 1, hash: '1'.padStart(64, '0'), time: '2026-01-01T00:00:00.000Z' }
/** More than one transaction can remove. */
const markers = Array.from({ length: 150 }, (_, index) => `order-${index}@1`)

async function fill(store: ViewStore): Promise<void> {
  const first = await store.writeWithMarkers(
    'tea',
    { document: {}, sort: 'tea', etag: undefined },
    markers.slice(0, 90),
  )
  assert.ok(first.outcome === 'written')
  await store.writeWithMarkers('tea', { document: {}, sort: 'tea', etag: first.etag }, markers.slice(90))
  await store.writeDocument('cup', { document: {}, sort: 'cup', etag: undefined }, cursor)
  await store.writeCursor('order-1', cursor, undefined)
}

/** The numbers of documents, applied markers and cursors left of what `fill` wrote. */
async function left(store: ViewStore): Promise<number[]> {
  const documents = await Promise.all(['tea', 'cup'].map((key) => store.read(key)))
  return [
    documents.filter((document) => document !== undefined).length,
    (await store.readMarkers('tea', markers)).size,
    (await store.readCursor('order-1')) ? 1 : 0,
  ]
}

const EVERYTHING = [2, markers.length, 1]
const NOTHING = [0, 0, 0]

/**
 * The contract of every store of view generations. @param create a view `sales` of which nothing was ever
 * written.
 */
export function viewGenerationsSuite(name: string, create: () => Promise<ViewGenerations>): void {
  describe(`view generations: ${name}`, () => {
    it('refuse a pointer with an outdated ETag, also the first pointer', async () => {
      const generations = await create()
      const none = await generations.readPointer(VIEW)
      assert.deepEqual(none, { pointer: { live: 1 }, etag: undefined })
      const results = await Promise.all(
        ['a', 'b'].map((stamp) => generations.writePointer(VIEW, { live: 1, building: 2, stamp }, none.etag)),
      )
      assert.deepEqual(results.map(({ outcome }) => outcome).toSorted(), ['conflict', 'written'])
      const first = await generations.readPointer(VIEW)
      assert.equal((await generations.writePointer(VIEW, { live: 2, stamp: 'c' }, first.etag)).outcome, 'written')
      assert.equal((await generations.writePointer(VIEW, { live: 3, stamp: 'd' }, first.etag)).outcome, 'conflict')
      assert.deepEqual((await generations.readPointer(VIEW)).pointer, { live: 2, stamp: 'c' })
    })

    it('accept a repeated write of the same pointer, whose first answer was lost', async () => {
      const generations = await create()
      const pointer = {
        live: 3,
        previous: { generation: 1, left: '2026-01-01T00:00:00.000Z' },
        building: 4,
        written: [4, 3],
        built: 4,
        highest: 9,
        cursorsIn: 'order',
        stamp: 'a',
      }
      const first = await generations.writePointer(VIEW, pointer, undefined)
      assert.deepEqual(await generations.writePointer(VIEW, pointer, undefined), first)
      assert.deepEqual((await generations.readPointer(VIEW)).pointer, pointer)
      assert.ok(first.outcome === 'written')
      assert.equal((await generations.readPointer(VIEW)).etag, first.etag)
    })

    it('keep which code has written each generation, apart from the pointer, and refuse an outdated ETag', async () => {
      const generations = await create()
      assert.deepEqual(await generations.readCodes(VIEW), { codes: {}, etag: undefined })
      const codes = { 1: [{ code: 'a', build: 'b' }] }
      const first = await generations.writeCodes(VIEW, codes, undefined)
      assert.ok(first.outcome === 'written')
      assert.deepEqual(await generations.readCodes(VIEW), { codes, etag: first.etag })
      assert.equal((await generations.writeCodes(VIEW, {}, undefined)).outcome, 'conflict')
      await generations.writePointer(VIEW, { live: 2 }, undefined)
      await generations.sweep(VIEW, { live: 2 })
      const two = { ...codes, 2: [{ code: 'c', build: 'd' }] }
      assert.equal((await generations.writeCodes(VIEW, two, first.etag)).outcome, 'written')
      assert.equal((await generations.writeCodes(VIEW, codes, first.etag)).outcome, 'conflict')
      assert.deepEqual((await generations.readCodes(VIEW)).codes, two)
      assert.deepEqual((await generations.readPointer(VIEW)).pointer, { live: 2 })
    })

    it('keep the contents of generations apart', async () => {
      const generations = await create()
      await fill(generations.store(VIEW, 1))
      assert.deepEqual(await left(generations.store(VIEW, 1)), EVERYTHING)
      assert.deepEqual(await left(generations.store(VIEW, 2)), NOTHING)
      assert.deepEqual(await left(generations.store(VIEW, 11)), NOTHING)
      assert.deepEqual(await generations.store(VIEW, 2).list({ filter: {}, limit: 10 }), [])
    })

    it('find the documents whose cursors hold the progress of other views', async () => {
      const generations = await create()
      const passed = { 'totals@1': 4 }
      const write = { document: {}, sort: 'cup', etag: undefined }
      for (const [number, key] of [
        [1, 'cup'],
        [2, 'can'],
      ] as const)
        await generations.store(VIEW, number).writeDocument(key, write, { ...cursor, passed })
      await generations.store(VIEW, 1).writeDocument('pot', write, cursor)
      const found: unknown[] = []
      for await (const page of generations.passed(VIEW, 1)) found.push(...page)
      assert.deepEqual(found, [{ key: 'cup', cursor: { ...cursor, passed } }])
    })

    it('remove every generation that the pointer does not name, but none newer than it knows', async () => {
      const generations = await create()
      const numbers = [1, 2, 3, 4, 20, 21, 22, 23]
      for (const number of numbers) await fill(generations.store(VIEW, number))
      const pointer = {
        live: 21,
        previous: { generation: 2, left: '2026-01-01T00:00:00.000Z' },
        building: 22,
        written: [4, 21],
      }
      await generations.writePointer(VIEW, pointer, undefined)
      await generations.sweep(VIEW, pointer)
      const after = await Promise.all(
        numbers.map(async (number) => [number, await left(generations.store(VIEW, number))]),
      )
      const kept = new Set([2, 4, 21, 22, 23])
      assert.deepEqual(
        after,
        numbers.map((number) => [number, kept.has(number) ? EVERYTHING : NOTHING]),
      )
      assert.deepEqual((await generations.readPointer(VIEW)).pointer, pointer)
    })
  })
}
