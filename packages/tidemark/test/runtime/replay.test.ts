import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { AnyView } from '../../core/view.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { LiveViews } from '../../runtime/live-views.ts'
import { readDocument } from '../../runtime/query.ts'
import { goBack, type ReplayWatch, replay } from '../../runtime/replay.ts'
import { orderEvents, orderView, salesByProduct } from '../domain/orders.ts'
import { before } from '../support/before-calls.ts'
import { projecting } from '../support/projecting.ts'
import { recorded } from '../support/recorded.ts'
import {
  everything,
  histories,
  lateFirst,
  lateSecond,
  Rig,
  unwatched,
  versionOf,
  views,
} from '../support/replay-rig.ts'

const HOUR_MS = 3_600_000

/** Replays, and does something once while queries read the new generation already and projections write both. */
async function replayWhile(
  rig: Rig,
  view: AnyView,
  task: () => Promise<void>,
  beforeSwap: () => Promise<unknown> = async () => {},
): Promise<void> {
  let live = false
  let done = 0
  const waits = async (method: string): Promise<void> => {
    if (method !== 'wait') return
    if (!live) await beforeSwap()
    else {
      done += 1
      await task()
    }
  }
  const goesLive = at('live', () => {
    live = true
  })
  await replay({ ...rig.deps, clock: before(rig.clock, waits) }, view, goesLive)
  assert.equal(done, 1)
}

/** Runs what is given once, as soon as the watched replay comes that far. */
function at(moment: 'building' | 'handover' | 'live', happens: () => void): ReplayWatch {
  let left = 1
  const once = (now: string): void => {
    if (now === moment && left > 0) {
      left -= 1
      happens()
    }
  }
  return { begin() {}, read: () => once('building'), stage: once }
}

for (const view of views)
  describe(`replay of ${view.name}`, () => {
    it('of an empty log is refused: it would make an empty view the live one', async () => {
      const rig = new Rig()
      await assert.rejects(replay(rig.deps, view, unwatched), { code: 'log-empty' })
      assert.equal(await rig.liveOf(view), 1)
    })

    it('waits for instances that do not know the view: what they handle would be missing in it', async () => {
      const rig = await Rig.with(...everything)
      const old = { instance: 'old', build: 'b', handlers: ['another'], paused: [], partitions: new Map() }
      await rig.progress.write(old)
      await assert.rejects(replay(rig.deps, view, unwatched), { code: 'instance-outdated' })
      assert.equal(await rig.liveOf(view), 1)
      await rig.clock.wait(121_000)
      await replay(rig.deps, view, unwatched)
      const meanwhile = at('handover', () => void rig.progress.write(old))
      await assert.rejects(replay(rig.deps, view, meanwhile), { code: 'instance-outdated' })
      assert.equal(await rig.liveOf(view), 2)
      await rig.assertEqualToLog(view)
    })

    it('that meets an event it does not know changes nothing that queries read', async () => {
      const rig = await Rig.with(...everything)
      await rig.append(...recorded('order-9', { type: 'OrderLost', data: {} }))
      await assert.rejects(replay(rig.deps, view, unwatched), { code: 'event-unknown' })
      assert.equal(await rig.liveOf(view), 1)
    })

    it('that is shown less than the log has changes nothing that queries read', async () => {
      const rig = await Rig.with(...everything)
      const feed = { count: () => rig.log.count(), open: () => new MemoryEventStore().open() }
      await assert.rejects(replay({ ...rig.deps, feed }, view, unwatched), { code: 'internal' })
      assert.equal(await rig.liveOf(view), 1)
    })

    for (const moment of ['building', 'handover'] as const)
      it(`is superseded by one that begins while it is ${moment}, and has changed nothing that queries read`, async () => {
        const rig = await Rig.with(...everything)
        let later: Promise<unknown> | undefined
        let read = 0
        const begins = at(moment, () => {
          later = replay(rig.deps, view, unwatched)
        })
        const watch: ReplayWatch = {
          ...begins,
          read(events, position) {
            read = events
            begins.read(events, position)
          },
        }
        await assert.rejects(replay(rig.deps, view, watch), { code: 'replay-superseded' })
        await later
        // It does not go on building what nobody will read.
        if (moment === 'building') assert.ok(read < everything.length, `${read} events`)
        assert.equal(await rig.liveOf(view), 3)
        await rig.assertEqualToLog(view)
      })

    it('is not undone by one that begins after it is live', async () => {
      const rig = await Rig.with(...everything)
      let later: Promise<unknown> | undefined
      const earlier = await replay(
        rig.deps,
        view,
        at('live', () => {
          later = replay(rig.deps, view, unwatched)
        }),
      )
      await later
      assert.equal(earlier.live, 2)
      assert.equal(await rig.liveOf(view), 3)
      await rig.assertEqualToLog(view)
      await rig.assertClean(view)
    })

    it('killed at any point leaves a complete live view that goes on, and the next replay starts clean', async () => {
      let killed = 0
      for (let survived = false; !survived; ) {
        const rig = await Rig.with(...everything)
        // One generation before, so that there is one to lose.
        await replay(rig.deps, view, unwatched)
        let calls = 0
        const dies = async (): Promise<void> => {
          calls += 1
          if (calls > killed) throw new Error('killed')
        }
        const deps = { ...rig.deps, feed: before(rig.log, dies), generations: before(rig.views, dies) }
        survived = await replay(deps, view, unwatched).then(
          () => true,
          (error: Error) => {
            assert.equal(error.message, 'killed')
            return false
          },
        )
        await rig.assertEqualToLog(view)
        await rig.append(lateFirst, lateSecond)
        await rig.project(lateFirst, lateSecond)
        await rig.assertEqualToLog(view)
        await replay(rig.deps, view, unwatched)
        await rig.assertEqualToLog(view)
        await rig.assertClean(view)
        killed += 1
      }
      assert.ok(killed > 30, `killed at ${killed} points`)
    })

    it('goes on where a call fails that may be tried again, also where it took effect unheard', async () => {
      const rig = await Rig.with(...everything)
      let calls = 0
      const fails = async (): Promise<void> => {
        calls += 1
        if (calls % 7 === 0) throw new TidemarkError('unavailable', 'throttled')
      }
      const generations = before(rig.views, fails)
      const unheard: typeof generations = Object.create(generations, {
        writePointer: {
          value: async (...args: Parameters<typeof generations.writePointer>) => {
            const { pointer } = await rig.views.readPointer(view.name)
            const result = await generations.writePointer(...args)
            if (pointer.stamp !== args[1].stamp) throw new TidemarkError('outcome-unknown', 'the connection was reset')
            return result
          },
        },
      })
      const done = await replay({ ...rig.deps, feed: before(rig.log, fails), generations: unheard }, view, unwatched)
      assert.deepEqual([done.live, done.previous, done.events, done.streams], [2, 1, everything.length, 4])
      await rig.assertEqualToLog(view)
      await rig.assertClean(view)
    })

    it('heals a damaged view, and keeps one generation to go back to and no more', async () => {
      const rig = await Rig.with(...everything)
      for (const generation of [1, 2, 3, 4]) {
        const live = await rig.views.live(view.name)
        const key = view.kind === 'one-stream' ? 'order-1' : 'tea'
        const { etag, cursor } = (await live.read(key)) ?? {}
        if (cursor) await live.writeDocument(key, { document: { damaged: true }, sort: 'x', etag }, cursor)
        else await live.writeWithMarks(key, { document: { damaged: true }, sort: 'x', etag }, ['none'])
        await assert.rejects(rig.assertEqualToLog(view))
        assert.deepEqual(await replay(rig.deps, view, unwatched), {
          live: generation + 1,
          previous: generation,
          events: everything.length,
          streams: histories.length,
        })
        await rig.assertEqualToLog(view)
        await rig.assertClean(view)
      }
    })

    it('goes back to what it replaced, brought up to the log, and forward again', async () => {
      const rig = await Rig.with(...everything)
      await replay(rig.deps, view, unwatched)
      await rig.append(lateFirst)
      await rig.project(lateFirst)
      assert.partialDeepStrictEqual(await goBack(rig.deps, view, unwatched), { live: 1, previous: 2 })
      await rig.assertEqualToLog(view)
      await rig.append(lateSecond)
      await rig.project(lateSecond)
      assert.partialDeepStrictEqual(await goBack(rig.deps, view, unwatched), { live: 2, previous: 1 })
      await rig.assertEqualToLog(view)
      await rig.assertClean(view)
    })

    it('cannot go back where nothing was before', async () => {
      const rig = await Rig.with(...everything)
      await assert.rejects(goBack(rig.deps, view, unwatched), { code: 'no-way-back' })
      assert.equal(await rig.liveOf(view), 1)
    })

    it('goes back exactly although the marks have expired', async () => {
      const rig = await Rig.with(...everything)
      await replay(rig.deps, view, unwatched)
      rig.views.store(view.name, 1).expireMarks()
      await goBack(rig.deps, view, unwatched)
      await rig.assertEqualToLog(view)
    })

    it('lets projections write the new generation before the old one: what a reader saw stays seen', async () => {
      const rig = await Rig.with(...everything)
      let ahead = 0
      await replayWhile(rig, view, async () => {
        const compare = async (): Promise<void> => {
          const [old = 0, next = 0] = await Promise.all([1, 2].map((number) => versionOf(rig, view, number, 'order-5')))
          assert.ok(next >= old, `${next} after ${old}`)
          if (next > old) ahead += 1
        }
        await rig.append(lateFirst)
        const instance = new LiveViews(before(rig.views, compare), rig.clock)
        await rig.projection(instance)([lateFirst])
        await compare()
      })
      // Both generations of a view of many streams are in one cursor.
      if (view.kind === 'one-stream') assert.ok(ahead > 0)
    })

    it('keeps the old generation up to date as long as an instance may still read it', async () => {
      const rig = await Rig.with(...everything)
      const reader = new LiveViews(rig.views, rig.clock)
      await replayWhile(
        rig,
        view,
        async () => {
          await rig.append(lateFirst)
          await rig.projection()([lateFirst])
          assert.equal((await reader.state(view.name)).live.store, rig.views.store(view.name, 1))
          assert.equal(await versionOf(rig, view, 1, 'order-5'), 1)
        },
        // It looks at the pointer for the last time before the swap.
        () => reader.state(view.name),
      )
    })
  })

describe('replay of the view that has the cursors of another', () => {
  for (const times of [1, 2, 3])
    it(`${times} times: the other still knows what it has passed when its marks have expired`, async () => {
      const rig = await Rig.with(...everything)
      for (let time = 1; time <= times; time += 1) await replay(rig.deps, orderView, unwatched)
      await rig.clock.wait(30 * HOUR_MS)
      rig.views.store(salesByProduct.name, 1).expireMarks()
      const query = { views: rig.views, clock: rig.clock, maxWait: 0 }
      const position = { stream: 'order-1', version: 3 }
      assert.notEqual(await readDocument(query, salesByProduct, 'tea', position), undefined)
      await rig.project(...everything)
      await rig.append(lateFirst)
      await rig.project(lateFirst)
      for (const view of views) await rig.assertEqualToLog(view)
      assert.deepEqual(await replay(rig.deps, salesByProduct, unwatched), {
        live: 2,
        previous: 1,
        events: everything.length + 1,
        streams: histories.length + 1,
      })
      await rig.append(lateSecond)
      await rig.project(...everything, lateFirst, lateSecond)
      for (const view of views) await rig.assertEqualToLog(view)
    })
})

describe('replay of a view whose cursors are in one that is gone', () => {
  it('makes it whole, and leaves no way back to what nothing tells the cursors of', async () => {
    const rig = await Rig.with(...everything)
    const deps = { ...rig.deps, declared: [salesByProduct] }
    await rig.clock.wait(30 * HOUR_MS)
    rig.views.store(salesByProduct.name, 1).expireMarks()
    await replay(deps, salesByProduct, unwatched)
    await assert.rejects(goBack(deps, salesByProduct, unwatched), { code: 'no-way-back' })
    const { pointer } = await rig.views.readPointer(salesByProduct.name)
    assert.deepEqual([pointer.live, pointer.cursorsIn, pointer.previous], [2, undefined, undefined])
    assert.ok(rig.views.store(salesByProduct.name, 1).isEmpty)
    await projecting(
      { log: rig.log, views: rig.views, eventTypes: orderEvents, clock: rig.clock },
      salesByProduct,
    )(everything)
    const fold = await Rig.with(...everything)
    assert.deepEqual(
      (await rig.views.store(salesByProduct.name, 2).read('tea'))?.document,
      (await fold.views.store(salesByProduct.name, 1).read('tea'))?.document,
    )
  })
})

describe('going back to a generation that was left long ago', () => {
  const leave = async (view: AnyView, hours: number): Promise<Rig> => {
    const rig = await Rig.with(...everything)
    await replay(rig.deps, view, unwatched)
    await rig.clock.wait(hours * HOUR_MS)
    return rig
  }

  it('is refused where only marks could tell what a crash left half done, and they may have expired', async () => {
    const rig = await leave(salesByProduct, 12)
    await assert.rejects(goBack(rig.deps, salesByProduct, unwatched), { code: 'no-way-back' })
    assert.equal(await rig.liveOf(salesByProduct), 2)
  })

  it('is possible until then, and for ever where each document carries its position', async () => {
    const soon = await leave(salesByProduct, 11)
    await goBack(soon.deps, salesByProduct, unwatched)
    await soon.assertEqualToLog(salesByProduct)
    const late = await leave(orderView, 10_000)
    await goBack(late.deps, orderView, unwatched)
    await late.assertEqualToLog(orderView)
  })
})
