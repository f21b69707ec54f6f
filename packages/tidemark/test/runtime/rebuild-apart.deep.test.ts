import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnyView } from '../../core/view.ts'
import {
  abandon,
  buildGeneration,
  promote,
  type RebuildCheckpoint,
  type RebuildDependencies,
  type RebuildWatch,
  rebuildView,
  rollBack,
} from '../../runtime/rebuild.ts'
import { orderView, salesByProduct } from '../domain/orders.ts'
import { before } from '../support/before-calls.ts'
import {
  everything,
  lateFirst,
  lateSecond,
  RebuildHarness,
  readVersion,
  unwatched,
  views,
} from '../support/rebuild-harness.ts'

const pickKey = (view: AnyView): string => (view.kind === 'one-stream' ? 'order-1' : 'tea')

async function write(harness: RebuildHarness, view: AnyView, key: string, document: object): Promise<void> {
  const live = await harness.views.live(view.name)
  const { etag, cursor } = (await live.read(key)) ?? {}
  const write = { document, sort: 'x', etag }
  if (view.kind === 'many-streams') await live.writeWithMarkers(key, write, ['none'])
  else await live.writeDocument(key, write, cursor ?? { version: 1, hash: 'h', time: '2026-01-01T00:00:00.000Z' })
}

for (const view of views)
  describe(`a generation of ${view.name} that is built separately`, () => {
    it('is kept up to date beside the live one, which queries read until it is promoted', async () => {
      const harness = await RebuildHarness.with(...everything)
      const { built, live, comparison } = await buildGeneration(harness.deps, view, unwatched)
      assert.deepEqual([built, live], [2, 1])
      const documents = (await harness.views.store(view.name, 1).list({ filter: {}, limit: 100 })).length
      assert.deepEqual(comparison, { compared: documents, changed: 0, added: 0, removed: 0, examples: [] })
      assert.ok(documents > 0)
      // The wait has no limit.
      await harness.clock.wait(30 * 3_600_000)
      for (const number of [1, 2]) harness.views.store(view.name, number).expireMarkers()
      await harness.append(lateFirst)
      await harness.project(lateFirst)
      for (const number of [1, 2]) assert.equal(await readVersion(harness, view, number, 'order-5'), 1)
      assert.equal(await harness.readLive(view), 1)
      await harness.assertEqualToLog(view)

      assert.deepEqual(await promote(harness.deps, view, unwatched), { live: 2, previous: 1 })
      await harness.assertEqualToLog(view)
      await harness.append(lateSecond)
      await harness.project(lateSecond)
      await harness.assertEqualToLog(view)
      await harness.assertClean(view)
      await rollBack(harness.deps, view, unwatched)
      assert.equal(await harness.readLive(view), 1)
      await harness.assertEqualToLog(view)
    })

    it('shows how a damaged live one differs', async () => {
      const harness = await RebuildHarness.with(...everything)
      await write(harness, view, pickKey(view), { damaged: true })
      await write(harness, view, 'order-99', { nobody: true })
      const { comparison } = await buildGeneration(harness.deps, view, unwatched)
      const { compared, examples, ...counts } = comparison
      assert.deepEqual(counts, { changed: 1, added: 0, removed: 1 })
      assert.ok(compared >= 3)
      assert.deepEqual(
        examples.toSorted((a, b) => (a.difference < b.difference ? -1 : 1)),
        [
          { key: pickKey(view), difference: 'changed' },
          { key: 'order-99', difference: 'removed' },
        ],
      )
      await promote(harness.deps, view, unwatched)
      await harness.assertEqualToLog(view)
    })

    it('is removed when abandoned, changes nothing, and never reuses its number', async () => {
      const harness = await RebuildHarness.with(...everything)
      await buildGeneration(harness.deps, view, unwatched)
      assert.deepEqual(await abandon(harness.deps, view, unwatched), { live: 1 })
      await harness.assertClean(view, 2)
      await harness.append(lateFirst, lateSecond)
      await harness.project(lateFirst, lateSecond)
      assert.ok(harness.views.store(view.name, 2).isEmpty)
      await harness.assertEqualToLog(view)
      assert.equal((await rebuildView(harness.deps, view, unwatched)).live, 3)
      await harness.assertEqualToLog(view)
      await harness.assertClean(view)
    })

    it('must exist for a promotion, with no other action started since', async () => {
      const harness = await RebuildHarness.with(...everything)
      for (const begin of [abandon, rebuildView, rollBack])
        for (const act of [promote, abandon]) {
          await buildGeneration(harness.deps, view, unwatched)
          await begin(harness.deps, view, unwatched)
          const live = await harness.readLive(view)
          await assert.rejects(act(harness.deps, view, unwatched), { code: 'nothing-built' })
          assert.equal(await harness.readLive(view), live)
          await harness.assertEqualToLog(view)
        }
    })

    it('is removed by a rollback to the previous generation', async () => {
      const harness = await RebuildHarness.with(...everything)
      await rebuildView(harness.deps, view, unwatched)
      await buildGeneration(harness.deps, view, unwatched)
      await rollBack(harness.deps, view, unwatched)
      assert.equal(await harness.readLive(view), 1)
      await harness.assertEqualToLog(view)
      await harness.assertClean(view, 3)
      assert.equal((await rebuildView(harness.deps, view, unwatched)).live, 4)
    })

    it('is not promoted while an instance does not know the view', async () => {
      const harness = await RebuildHarness.with(...everything)
      await buildGeneration(harness.deps, view, unwatched)
      const old = { instance: 'old', build: 'b', handlers: ['another'], paused: [], partitions: new Map() }
      await harness.progress.write(old)
      await assert.rejects(promote(harness.deps, view, unwatched), { code: 'instance-outdated' })
      assert.equal(await harness.readLive(view), 1)
      await harness.progress.remove('old')
      await promote(harness.deps, view, unwatched)
      assert.equal(await harness.readLive(view), 2)
    })

    for (const [name, act, prepare, live] of [
      ['a rebuild', rebuildView, async () => {}, 2],
      ['a build', buildGeneration, async () => {}, 1],
      ['a promotion', promote, (harness: RebuildHarness) => buildGeneration(harness.deps, view, unwatched), 2],
      ['an abandonment', abandon, (harness: RebuildHarness) => buildGeneration(harness.deps, view, unwatched), 1],
      ['a rollback', rollBack, (harness: RebuildHarness) => rebuildView(harness.deps, view, unwatched), 1],
    ] as const)
      it(`resumes ${name} that is killed at any point`, async () => {
        let killed = 0
        let survived = false
        let resumed = 0
        for (; !survived; killed += 1) {
          const harness = await RebuildHarness.with(...everything)
          await prepare(harness)
          const place = new CheckpointWatch()
          survived = await dies(killed, harness, (deps) => act(deps, view, place))
          await harness.assertEqualToLog(view)
          await harness.append(lateFirst)
          await harness.project(lateFirst)
          await harness.assertEqualToLog(view)
          if (survived || place.checkpoint === undefined) continue
          resumed += 1
          await act(harness.deps, view, unwatched, place.checkpoint)
          assert.equal(await harness.readLive(view), live, `killed at ${killed}`)
          await harness.append(lateSecond)
          await harness.project(lateSecond)
          await harness.assertEqualToLog(view)
          if (act === buildGeneration) await promote(harness.deps, view, unwatched)
          await harness.assertEqualToLog(view)
          await harness.assertClean(view, act === abandon ? 2 : undefined)
        }
        assert.ok(resumed >= 2, `resumed at ${resumed} of ${killed} points`)
      })

    it('is resumed without reading the log from the beginning', async () => {
      const harness = await RebuildHarness.with(...everything)
      const place = new CheckpointWatch()
      await dies(12, harness, (deps) => rebuildView(deps, view, place))
      const { commits } = place.checkpoint ?? { commits: 0 }
      assert.ok(commits > 0 && commits < everything.length, `${commits} commits`)
      const { events } = await rebuildView(harness.deps, view, unwatched, place.checkpoint)
      assert.equal(events, everything.length - commits)
    })
  })

describe('a view that gets its cursors from another view than before', () => {
  it('cannot be built separately, because its live generation would stop', async () => {
    const harness = await RebuildHarness.with(...everything)
    const deps = { ...harness.deps, declared: [salesByProduct] }
    await assert.rejects(buildGeneration(deps, salesByProduct, unwatched), { code: 'must-promote' })
    assert.deepEqual((await harness.views.readPointer(salesByProduct.name)).pointer, {
      live: 1,
      cursorsIn: orderView.name,
    })
  })
})

/** The last checkpoint that the rebuild reported. */
class CheckpointWatch implements RebuildWatch {
  checkpoint: RebuildCheckpoint | undefined

  begin(target: number): void {
    this.checkpoint = { commits: 0, ...this.checkpoint, target }
  }

  read(commits: number, offset: string | undefined): void {
    if (this.checkpoint) this.checkpoint = { ...this.checkpoint, commits, ...(offset === undefined ? {} : { offset }) }
  }

  stage(): void {}
}

/** @returns whether it finished before the stores' calls ran out. */
async function dies(
  after: number,
  harness: RebuildHarness,
  act: (deps: RebuildDependencies) => Promise<unknown>,
): Promise<boolean> {
  let calls = 0
  const count = async (): Promise<void> => {
    calls += 1
    if (calls > after) throw new Error('killed')
  }
  const deps = { ...harness.deps, feed: before(harness.log, count), generations: before(harness.views, count) }
  return act(deps).then(
    () => true,
    (error: Error) => {
      assert.equal(error.message, 'killed')
      return false
    },
  )
}
