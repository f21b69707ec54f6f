import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RebuildStore } from '../../core/ports.ts'
import type { Rebuild } from '../../core/rebuild.ts'

const time = '2026-01-01T00:00:00.000Z'
const running: Rebuild = {
  ...{ action: 'rebuild', state: 'running', stage: 'reading', commits: 0, total: 7 },
  ...{ startedAt: time, updatedAt: time, by: 'ada', instance: 'a' },
}
const done: Rebuild = { ...running, state: 'done', stage: 'live', target: 2, commits: 7 }

/** The contract of every rebuild store. @param create a store without a rebuild of the view `order`. */
export function rebuildsSuite(name: string, create: () => Promise<RebuildStore>): void {
  describe(`rebuilds: ${name}`, () => {
    it('stores the last rebuild of a view, and has none for an unknown view', async () => {
      const store = await create()
      assert.equal(await store.read('order'), undefined)
      const first = await store.write('order', running, undefined)
      assert.ok(first.outcome === 'written')
      assert.deepEqual(await store.read('order'), { rebuild: running, etag: first.etag })
      const second = await store.write('order', done, first.etag)
      assert.ok(second.outcome === 'written')
      assert.deepEqual(await store.read('order'), { rebuild: done, etag: second.etag })
    })

    it('lets only one of two writers with the same ETag write', async () => {
      const store = await create()
      const first = await store.write('order', running, undefined)
      assert.ok(first.outcome === 'written')
      assert.deepEqual(await store.write('order', done, undefined), { outcome: 'conflict' })
      assert.equal((await store.write('order', done, first.etag)).outcome, 'written')
      assert.deepEqual(await store.write('order', running, first.etag), { outcome: 'conflict' })
      assert.deepEqual((await store.read('order'))?.rebuild, done)
    })
  })
}
