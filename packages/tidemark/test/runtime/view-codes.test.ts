import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AnyView } from '../../core/view.ts'
import { abandon, buildGeneration, promote, promoteIfEqual, rebuildView, rollBack } from '../../runtime/rebuild.ts'
import { ViewCodes } from '../../runtime/view-codes.ts'
import { orderEvents, orderView, salesByProduct } from '../domain/orders.ts'
import { before } from '../support/before-calls.ts'
import { projecting } from '../support/projecting.ts'
import { everything, lateFirst, RebuildHarness, unwatched, views } from '../support/rebuild-harness.ts'

const differs = { code: 'code-differs' } as const

/** Processes that run two versions of the code over the same store. */
class Versions {
  readonly harness = new RebuildHarness()

  deps(code: string, views = this.harness.views) {
    return { ...this.harness.deps, codes: new ViewCodes(views, `of-${code}`, () => code) }
  }

  /** Projects with this version of the code. */
  async project(code: string, ...events: typeof everything): Promise<void> {
    const { log, clock } = this.harness
    const { codes } = this.deps(code)
    await projecting({ log, views: this.harness.views, eventTypes: orderEvents, clock, codes }, ...views)(events)
  }

  static async written(code: string): Promise<Versions> {
    const versions = new Versions()
    await versions.harness.append(...everything)
    await versions.project(code, ...everything)
    return versions
  }

  async writers(view: AnyView, generation: number): Promise<readonly string[] | undefined> {
    const { codes } = await this.harness.views.readCodes(view.name)
    return codes[generation]?.map(({ code }) => code)
  }
}

for (const view of views)
  describe(`generations of ${view.name} by two versions of the code`, () => {
    it('are not rolled back to by code that did not write them, and nothing changes', async () => {
      const versions = await Versions.written('a')
      await rebuildView(versions.deps('b'), view, unwatched)
      const { pointer } = await versions.harness.views.readPointer(view.name)
      await assert.rejects(rollBack(versions.deps('b'), view, unwatched), {
        ...differs,
        message:
          `generation 1 of ${view.name} was written by build of-a (code a), too, ` +
          `which is not the code that runs: instead of rolling back, rebuild ${view.name} with the code that runs`,
      })
      assert.deepEqual((await versions.harness.views.readPointer(view.name)).pointer, pointer)
    })

    it('are superseded by a later rebuild, also if it begins just before the promotion', async () => {
      const versions = await Versions.written('a')
      let reads = 0
      // The instances are checked before the rebuild begins, and before the promotion.
      const read = async () => {
        reads += 1
        if (reads === 2) await rebuildView(versions.deps('b'), view, unwatched)
        return []
      }
      const deps = { ...versions.deps('b'), progress: { read } }
      await assert.rejects(rebuildView(deps, view, unwatched), { code: 'replay-superseded' })
      assert.equal(await versions.harness.readLive(view), 3)
    })

    it('are rolled back to by the code that wrote them, once it runs again', async () => {
      const versions = await Versions.written('a')
      await rebuildView(versions.deps('b'), view, unwatched)
      assert.equal((await rollBack(versions.deps('a'), view, unwatched)).live, 1)
      await versions.harness.assertEqualToLog(view)
      await assert.rejects(rollBack(versions.deps('a'), view, unwatched), differs)
    })

    it('are not rolled back to if other code wrote them too', async () => {
      const versions = await Versions.written('a')
      await versions.harness.append(lateFirst)
      await versions.project('b', lateFirst)
      await rebuildView(versions.deps('b'), view, unwatched)
      for (const code of ['a', 'b']) await assert.rejects(rollBack(versions.deps(code), view, unwatched), differs)
      assert.deepEqual(await versions.writers(view, 1), ['a', 'b'])
    })

    it('are not promoted by other code, nor if other code has written them since', async () => {
      const versions = await Versions.written('a')
      await buildGeneration(versions.deps('a'), view, unwatched)
      for (const act of [promote, promoteIfEqual])
        await assert.rejects(act(versions.deps('b'), view, unwatched), differs)
      await versions.harness.append(lateFirst)
      await versions.project('b', lateFirst)
      await assert.rejects(promote(versions.deps('a'), view, unwatched), differs)
      assert.equal(await versions.harness.readLive(view), 1)
      await abandon(versions.deps('b'), view, unwatched)
    })

    it('are not promoted by a rebuild beside which other code writes', async () => {
      const versions = await Versions.written('a')
      const deps = versions.deps('b')
      await versions.harness.append(lateFirst)
      let writes = false
      const clock = before(deps.clock, async (method) => {
        if (method !== 'wait' || writes) return
        writes = true
        await versions.project('a', lateFirst)
      })
      await assert.rejects(rebuildView({ ...deps, clock }, view, unwatched), differs)
      assert.equal(await versions.harness.readLive(view), 1)
      // Alone, it succeeds.
      assert.equal((await rebuildView(deps, view, unwatched)).live, 3)
      assert.deepEqual(await versions.writers(view, 3), ['b'])
    })

    it('are begun anew by other code that resumes a rebuild, and resumed by the same', async () => {
      for (const [code, live] of [
        ['b', 3],
        ['a', 2],
      ] as const) {
        const versions = await Versions.written('a')
        await buildGeneration(versions.deps('a'), view, unwatched)
        const place = { target: 2, commits: 0 }
        assert.equal((await rebuildView(versions.deps(code), view, unwatched, place)).live, live)
        assert.deepEqual(await versions.writers(view, live), [code])
        await versions.harness.assertEqualToLog(view)
      }
    })

    it('of which nothing was recorded are of unknown code', async () => {
      const harness = await RebuildHarness.with(...everything)
      await rebuildView(harness.deps, view, unwatched)
      const codes = new ViewCodes(harness.views, 'of-a', () => 'a')
      await codes.record(view, 1)
      await assert.rejects(rollBack({ ...harness.deps, codes }, view, unwatched), {
        ...differs,
        message: /by a build that did not record its code/,
      })
    })
  })

describe('the record of the code', () => {
  it('is written once by a process, and forgets the generations that are gone', async () => {
    const versions = await Versions.written('a')
    const calls: string[] = []
    const counted = before(versions.harness.views, async (method) => void calls.push(method))
    const codes = new ViewCodes(counted, 'of-b', () => 'b')
    for (let time = 0; time < 3; time += 1) await codes.record(orderView, 1)
    assert.deepEqual(calls, ['readCodes', 'writeCodes'])
    const deps = versions.deps('b')
    for (let time = 0; time < 4; time += 1) await rebuildView(deps, orderView, unwatched)
    const { codes: left } = await versions.harness.views.readCodes(orderView.name)
    assert.deepEqual(Object.keys(left), ['3', '4', '5'])
  })

  it('does not claim a generation that it learns of after others', async () => {
    const versions = await Versions.written('a')
    const { codes } = versions.deps('a')
    await codes.record(orderView, 7)
    assert.deepEqual(await versions.writers(orderView, 7), ['unknown', 'a'])
  })

  it('keeps what two processes write at the same time', async () => {
    const versions = new Versions()
    await Promise.all(['a', 'b'].map((code) => versions.deps(code).codes.record(salesByProduct, 1)))
    assert.deepEqual((await versions.writers(salesByProduct, 1))?.toSorted(), ['a', 'b'])
  })
})
