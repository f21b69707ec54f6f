import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnyView } from '../../core/view.ts'
import {
  abandon,
  buildNext,
  goBack,
  promote,
  type ReplayDependencies,
  type ReplayPlace,
  type ReplayWatch,
  replay,
} from '../../runtime/replay.ts'
import { orderView, salesByProduct } from '../domain/orders.ts'
import { before } from '../support/before-calls.ts'
import { everything, lateFirst, lateSecond, Rig, unwatched, versionOf, views } from '../support/replay-rig.ts'

const keyOf = (view: AnyView): string => (view.kind === 'one-stream' ? 'order-1' : 'tea')

async function write(rig: Rig, view: AnyView, key: string, document: object): Promise<void> {
  const live = await rig.views.live(view.name)
  const { etag, cursor } = (await live.read(key)) ?? {}
  const write = { document, sort: 'x', etag }
  if (view.kind === 'many-streams') await live.writeWithMarks(key, write, ['none'])
  else await live.writeDocument(key, write, cursor ?? { version: 1, hash: 'h', time: '2026-01-01T00:00:00.000Z' })
}

for (const view of views)
  describe(`a generation of ${view.name} that is built apart`, () => {
    it('is kept up to date beside the live one, which queries go on to read, until it is promoted', async () => {
      const rig = await Rig.with(...everything)
      const { built, live, comparison } = await buildNext(rig.deps, view, unwatched)
      assert.deepEqual([built, live], [2, 1])
      const documents = (await rig.views.store(view.name, 1).list({ filter: {}, limit: 100 })).length
      assert.deepEqual(comparison, { compared: documents, changed: 0, added: 0, removed: 0, examples: [] })
      assert.ok(documents > 0)
      // For as long as anybody likes.
      await rig.clock.wait(30 * 3_600_000)
      for (const number of [1, 2]) rig.views.store(view.name, number).expireMarks()
      await rig.append(lateFirst)
      await rig.project(lateFirst)
      for (const number of [1, 2]) assert.equal(await versionOf(rig, view, number, 'order-5'), 1)
      assert.equal(await rig.liveOf(view), 1)
      await rig.assertEqualToLog(view)

      assert.deepEqual(await promote(rig.deps, view, unwatched), { live: 2, previous: 1 })
      await rig.assertEqualToLog(view)
      await rig.append(lateSecond)
      await rig.project(lateSecond)
      await rig.assertEqualToLog(view)
      await rig.assertClean(view)
      await goBack(rig.deps, view, unwatched)
      assert.equal(await rig.liveOf(view), 1)
      await rig.assertEqualToLog(view)
    })

    it('is told apart from a live one that is damaged', async () => {
      const rig = await Rig.with(...everything)
      await write(rig, view, keyOf(view), { damaged: true })
      await write(rig, view, 'order-99', { nobody: true })
      const { comparison } = await buildNext(rig.deps, view, unwatched)
      const { compared, examples, ...counts } = comparison
      assert.deepEqual(counts, { changed: 1, added: 0, removed: 1 })
      assert.ok(compared >= 3)
      assert.deepEqual(
        examples.toSorted((a, b) => (a.difference < b.difference ? -1 : 1)),
        [
          { key: keyOf(view), difference: 'changed' },
          { key: 'order-99', difference: 'removed' },
        ],
      )
      await promote(rig.deps, view, unwatched)
      await rig.assertEqualToLog(view)
    })

    it('that is abandoned is gone, changes nothing, and its number is not used again', async () => {
      const rig = await Rig.with(...everything)
      await buildNext(rig.deps, view, unwatched)
      assert.deepEqual(await abandon(rig.deps, view, unwatched), { live: 1 })
      await rig.assertClean(view, 2)
      await rig.append(lateFirst, lateSecond)
      await rig.project(lateFirst, lateSecond)
      assert.ok(rig.views.store(view.name, 2).isEmpty)
      await rig.assertEqualToLog(view)
      assert.equal((await replay(rig.deps, view, unwatched)).live, 3)
      await rig.assertEqualToLog(view)
      await rig.assertClean(view)
    })

    it('is none where none was built, or something else was begun since', async () => {
      const rig = await Rig.with(...everything)
      for (const begin of [abandon, replay, goBack])
        for (const act of [promote, abandon]) {
          await buildNext(rig.deps, view, unwatched)
          await begin(rig.deps, view, unwatched)
          const live = await rig.liveOf(view)
          await assert.rejects(act(rig.deps, view, unwatched), { code: 'nothing-built' })
          assert.equal(await rig.liveOf(view), live)
          await rig.assertEqualToLog(view)
        }
    })

    it('is removed by a way back to the generation before', async () => {
      const rig = await Rig.with(...everything)
      await replay(rig.deps, view, unwatched)
      await buildNext(rig.deps, view, unwatched)
      await goBack(rig.deps, view, unwatched)
      assert.equal(await rig.liveOf(view), 1)
      await rig.assertEqualToLog(view)
      await rig.assertClean(view, 3)
      assert.equal((await replay(rig.deps, view, unwatched)).live, 4)
    })

    it('waits, unpromoted, for instances that do not know the view', async () => {
      const rig = await Rig.with(...everything)
      await buildNext(rig.deps, view, unwatched)
      const old = { instance: 'old', build: 'b', handlers: ['another'], paused: [], partitions: new Map() }
      await rig.progress.write(old)
      await assert.rejects(promote(rig.deps, view, unwatched), { code: 'instance-outdated' })
      assert.equal(await rig.liveOf(view), 1)
      await rig.progress.remove('old')
      await promote(rig.deps, view, unwatched)
      assert.equal(await rig.liveOf(view), 2)
    })

    for (const [name, act, prepare, live] of [
      ['a rebuild', replay, async () => {}, 2],
      ['a build', buildNext, async () => {}, 1],
      ['a promotion', promote, (rig: Rig) => buildNext(rig.deps, view, unwatched), 2],
      ['an abandonment', abandon, (rig: Rig) => buildNext(rig.deps, view, unwatched), 1],
      ['a going back', goBack, (rig: Rig) => replay(rig.deps, view, unwatched), 1],
    ] as const)
      it(`${name} that is killed at any point is gone on with where it was`, async () => {
        let killed = 0
        let survived = false
        let resumed = 0
        for (; !survived; killed += 1) {
          const rig = await Rig.with(...everything)
          await prepare(rig)
          const place = new Place()
          survived = await dies(killed, rig, (deps) => act(deps, view, place))
          await rig.assertEqualToLog(view)
          await rig.append(lateFirst)
          await rig.project(lateFirst)
          await rig.assertEqualToLog(view)
          if (survived || place.told === undefined) continue
          resumed += 1
          await act(rig.deps, view, unwatched, place.told)
          assert.equal(await rig.liveOf(view), live, `killed at ${killed}`)
          await rig.append(lateSecond)
          await rig.project(lateSecond)
          await rig.assertEqualToLog(view)
          if (act === buildNext) await promote(rig.deps, view, unwatched)
          await rig.assertEqualToLog(view)
          await rig.assertClean(view, act === abandon ? 2 : undefined)
        }
        assert.ok(resumed >= 2, `resumed at ${resumed} of ${killed} points`)
      })

    it('is not read from the beginning again when it is gone on with', async () => {
      const rig = await Rig.with(...everything)
      const place = new Place()
      await dies(12, rig, (deps) => replay(deps, view, place))
      const { commits } = place.told ?? { commits: 0 }
      assert.ok(commits > 0 && commits < everything.length, `${commits} commits`)
      const { events } = await replay(rig.deps, view, unwatched, place.told)
      assert.equal(events, everything.length - commits)
    })
  })

describe('a view that gets its cursors elsewhere than before', () => {
  it('cannot be built apart: its live generation would stand still', async () => {
    const rig = await Rig.with(...everything)
    const deps = { ...rig.deps, declared: [salesByProduct] }
    await assert.rejects(buildNext(deps, salesByProduct, unwatched), { code: 'must-promote' })
    assert.deepEqual((await rig.views.readPointer(salesByProduct.name)).pointer, {
      live: 1,
      cursorsIn: orderView.name,
    })
  })
})

/** Where one is, as it tells. */
class Place implements ReplayWatch {
  told: ReplayPlace | undefined

  begin(target: number): void {
    this.told = { commits: 0, ...this.told, target }
  }

  read(commits: number, position: string | undefined): void {
    if (this.told) this.told = { ...this.told, commits, ...(position === undefined ? {} : { position }) }
  }

  stage(): void {}
}

/** @returns whether it went through before the store was asked so often. */
async function dies(after: number, rig: Rig, act: (deps: ReplayDependencies) => Promise<unknown>): Promise<boolean> {
  let calls = 0
  const count = async (): Promise<void> => {
    calls += 1
    if (calls > after) throw new Error('killed')
  }
  const deps = { ...rig.deps, feed: before(rig.log, count), generations: before(rig.views, count) }
  return act(deps).then(
    () => true,
    (error: Error) => {
      assert.equal(error.message, 'killed')
      return false
    },
  )
}
