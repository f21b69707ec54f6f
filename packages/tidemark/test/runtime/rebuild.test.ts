import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { AnyView } from '../../core/view.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { LiveViews } from '../../runtime/live-views.ts'
import { readDocument } from '../../runtime/query.ts'
import { type RebuildWatch, rebuildView, rollBack } from '../../runtime/rebuild.ts'
import { orderEvents, orderView, salesByProduct } from '../domain/orders.ts'
import { before } from '../support/before-calls.ts'
import { projecting } from '../support/projecting.ts'
import {
  everything,
  histories,
  lateFirst,
  lateSecond,
  RebuildHarness,
  readVersion,
  unwatched,
  views,
} from '../support/rebuild-harness.ts'
import { recorded } from '../support/recorded.ts'

const HOUR_MS = 3_600_000

/** Rebuilds, and runs `task` once while queries already read the new generation and projections write both. */
async function rebuildWhile(
  harness: RebuildHarness,
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
  await rebuildView({ ...harness.deps, clock: before(harness.clock, waits) }, view, goesLive)
  assert.equal(done, 1)
}

/** Runs `happens` once, as soon as the watched rebuild reaches the moment. */
function at(moment: 'building' | 'handover' | 'live', happens: () => void): RebuildWatch {
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
  describe(`a rebuild of ${view.name}`, () => {
    it('of an empty log is refused, because it would promote an empty view', async () => {
      const harness = new RebuildHarness()
      await assert.rejects(rebuildView(harness.deps, view, unwatched), { code: 'log-empty' })
      assert.equal(await harness.readLive(view), 1)
    })

    it('waits for instances that do not know the view, whose events it would miss', async () => {
      const harness = await RebuildHarness.with(...everything)
      const old = { instance: 'old', build: 'b', handlers: ['another'], paused: [], partitions: new Map() }
      await harness.progress.write(old)
      await assert.rejects(rebuildView(harness.deps, view, unwatched), { code: 'instance-outdated' })
      assert.equal(await harness.readLive(view), 1)
      await harness.clock.wait(121_000)
      await rebuildView(harness.deps, view, unwatched)
      const meanwhile = at('handover', () => void harness.progress.write(old))
      await assert.rejects(rebuildView(harness.deps, view, meanwhile), { code: 'instance-outdated' })
      assert.equal(await harness.readLive(view), 2)
      await harness.assertEqualToLog(view)
    })

    it('that meets an unknown event changes nothing that queries read', async () => {
      const harness = await RebuildHarness.with(...everything)
      await harness.append(...recorded('order-9', { type: 'OrderLost', data: {} }))
      await assert.rejects(rebuildView(harness.deps, view, unwatched), { code: 'event-unknown' })
      assert.equal(await harness.readLive(view), 1)
    })

    it('that meets an event on which the view throws names it, and changes nothing that queries read', async () => {
      const harness = await RebuildHarness.with(...everything)
      const throwing: AnyView = {
        ...view,
        evolve(document: unknown, event: { stream: string; version: number }, key = '') {
          if (event.stream === 'order-3' && event.version === 1) throw new TypeError('no field of order')
          return view.evolve(document, event as never, key)
        },
      }
      const message = /^the view \S+ cannot apply order-3@1 \(OrderPlaced\): \S+ threw: no field of order$/
      await assert.rejects(rebuildView(harness.deps, throwing, unwatched), { code: 'handler-failed', message })
      assert.equal(await harness.readLive(view), 1)
      // Queries and projections go on.
      await harness.append(lateFirst)
      await harness.project(lateFirst)
      await harness.assertEqualToLog(view)
      await rebuildView(harness.deps, view, unwatched)
      await harness.assertEqualToLog(view)
      await harness.assertClean(view)
    })

    it('that receives less than the whole log changes nothing that queries read', async () => {
      const harness = await RebuildHarness.with(...everything)
      const feed = { count: () => harness.log.count(), open: () => new MemoryEventStore().open() }
      await assert.rejects(rebuildView({ ...harness.deps, feed }, view, unwatched), { code: 'internal' })
      assert.equal(await harness.readLive(view), 1)
    })

    for (const moment of ['building', 'handover'] as const)
      it(`is superseded by one that starts while it is ${moment}, and changes nothing that queries read`, async () => {
        const harness = await RebuildHarness.with(...everything)
        let later: Promise<unknown> | undefined
        let read = 0
        const begins = at(moment, () => {
          later = rebuildView(harness.deps, view, unwatched)
        })
        const watch: RebuildWatch = {
          ...begins,
          read(commits, offset, events) {
            read = commits
            begins.read(commits, offset, events)
          },
        }
        await assert.rejects(rebuildView(harness.deps, view, watch), { code: 'replay-superseded' })
        await later
        // It stops building what nobody will read.
        if (moment === 'building') assert.ok(read < everything.length, `${read} events`)
        assert.equal(await harness.readLive(view), 3)
        await harness.assertEqualToLog(view)
      })

    it('is not undone by one that starts after its promotion', async () => {
      const harness = await RebuildHarness.with(...everything)
      let later: Promise<unknown> | undefined
      const earlier = await rebuildView(
        harness.deps,
        view,
        at('live', () => {
          later = rebuildView(harness.deps, view, unwatched)
        }),
      )
      await later
      assert.equal(earlier.live, 2)
      assert.equal(await harness.readLive(view), 3)
      await harness.assertEqualToLog(view)
      await harness.assertClean(view)
    })

    it('killed at any point leaves a complete live view, and the next rebuild starts clean', async () => {
      let killed = 0
      for (let survived = false; !survived; ) {
        const harness = await RebuildHarness.with(...everything)
        // A rebuild first, so that there is a previous generation to lose.
        await rebuildView(harness.deps, view, unwatched)
        let calls = 0
        const dies = async (): Promise<void> => {
          calls += 1
          if (calls > killed) throw new Error('killed')
        }
        const deps = { ...harness.deps, feed: before(harness.log, dies), generations: before(harness.views, dies) }
        survived = await rebuildView(deps, view, unwatched).then(
          () => true,
          (error: Error) => {
            assert.equal(error.message, 'killed')
            return false
          },
        )
        await harness.assertEqualToLog(view)
        await harness.append(lateFirst, lateSecond)
        await harness.project(lateFirst, lateSecond)
        await harness.assertEqualToLog(view)
        await rebuildView(harness.deps, view, unwatched)
        await harness.assertEqualToLog(view)
        await harness.assertClean(view)
        killed += 1
      }
      assert.ok(killed > 30, `killed at ${killed} points`)
    })

    it('retries a transient failure, also of a call that took effect', async () => {
      const harness = await RebuildHarness.with(...everything)
      let calls = 0
      const fails = async (): Promise<void> => {
        calls += 1
        if (calls % 7 === 0) throw new TidemarkError('unavailable', 'throttled')
      }
      const generations = before(harness.views, fails)
      const unanswered: typeof generations = Object.create(generations, {
        writePointer: {
          value: async (...args: Parameters<typeof generations.writePointer>) => {
            const { pointer } = await harness.views.readPointer(view.name)
            const result = await generations.writePointer(...args)
            if (pointer.stamp !== args[1].stamp) throw new TidemarkError('outcome-unknown', 'the connection was reset')
            return result
          },
        },
      })
      const done = await rebuildView(
        { ...harness.deps, feed: before(harness.log, fails), generations: unanswered },
        view,
        unwatched,
      )
      assert.deepEqual([done.live, done.previous, done.events, done.streams], [2, 1, everything.length, 4])
      await harness.assertEqualToLog(view)
      await harness.assertClean(view)
    })

    it('heals a damaged view, and keeps only one previous generation', async () => {
      const harness = await RebuildHarness.with(...everything)
      for (const generation of [1, 2, 3, 4]) {
        const live = await harness.views.live(view.name)
        const key = view.kind === 'one-stream' ? 'order-1' : 'tea'
        const { etag, cursor } = (await live.read(key)) ?? {}
        if (cursor) await live.writeDocument(key, { document: { damaged: true }, sort: 'x', etag }, cursor)
        else await live.writeWithMarkers(key, { document: { damaged: true }, sort: 'x', etag }, ['none'])
        await assert.rejects(harness.assertEqualToLog(view))
        assert.deepEqual(await rebuildView(harness.deps, view, unwatched), {
          live: generation + 1,
          previous: generation,
          events: everything.length,
          streams: histories.length,
        })
        await harness.assertEqualToLog(view)
        await harness.assertClean(view)
      }
    })

    it('rolls back to the previous generation, brought up to the log, and forward again', async () => {
      const harness = await RebuildHarness.with(...everything)
      await rebuildView(harness.deps, view, unwatched)
      await harness.append(lateFirst)
      await harness.project(lateFirst)
      assert.partialDeepStrictEqual(await rollBack(harness.deps, view, unwatched), { live: 1, previous: 2 })
      await harness.assertEqualToLog(view)
      await harness.append(lateSecond)
      await harness.project(lateSecond)
      assert.partialDeepStrictEqual(await rollBack(harness.deps, view, unwatched), { live: 2, previous: 1 })
      await harness.assertEqualToLog(view)
      await harness.assertClean(view)
    })

    it('cannot roll back without a previous generation', async () => {
      const harness = await RebuildHarness.with(...everything)
      await assert.rejects(rollBack(harness.deps, view, unwatched), { code: 'no-way-back' })
      assert.equal(await harness.readLive(view), 1)
    })

    it('rolls back exactly although the applied markers have expired', async () => {
      const harness = await RebuildHarness.with(...everything)
      await rebuildView(harness.deps, view, unwatched)
      harness.views.store(view.name, 1).expireMarkers()
      await rollBack(harness.deps, view, unwatched)
      await harness.assertEqualToLog(view)
    })

    it('lets projections write the new generation first, so that no reader sees it go backwards', async () => {
      const harness = await RebuildHarness.with(...everything)
      let ahead = 0
      await rebuildWhile(harness, view, async () => {
        const compare = async (): Promise<void> => {
          const [old = 0, next = 0] = await Promise.all(
            [1, 2].map((number) => readVersion(harness, view, number, 'order-5')),
          )
          assert.ok(next >= old, `${next} after ${old}`)
          if (next > old) ahead += 1
        }
        await harness.append(lateFirst)
        const instance = new LiveViews(before(harness.views, compare), harness.clock)
        await harness.projection(instance)([lateFirst])
        await compare()
      })
      // Both generations of a multi-stream view share one cursor.
      if (view.kind === 'one-stream') assert.ok(ahead > 0)
    })

    it('keeps the old generation up to date as long as an instance may still read it', async () => {
      const harness = await RebuildHarness.with(...everything)
      const reader = new LiveViews(harness.views, harness.clock)
      await rebuildWhile(
        harness,
        view,
        async () => {
          await harness.append(lateFirst)
          await harness.projection()([lateFirst])
          assert.equal((await reader.state(view.name)).live.store, harness.views.store(view.name, 1))
          assert.equal(await readVersion(harness, view, 1, 'order-5'), 1)
        },
        // The last read of the pointer before the promotion.
        () => reader.state(view.name),
      )
    })
  })

describe('a rebuild of the view that holds the cursors of another', () => {
  for (const times of [1, 2, 3])
    it(`keeps the other's progress after its applied markers have expired, ${times} times over`, async () => {
      const harness = await RebuildHarness.with(...everything)
      for (let time = 1; time <= times; time += 1) await rebuildView(harness.deps, orderView, unwatched)
      await harness.clock.wait(30 * HOUR_MS)
      harness.views.store(salesByProduct.name, 1).expireMarkers()
      const query = { views: harness.views, clock: harness.clock, maxWait: 0 }
      const position = { stream: 'order-1', version: 3 }
      assert.notEqual(await readDocument(query, salesByProduct, 'tea', [position]), undefined)
      await harness.project(...everything)
      await harness.append(lateFirst)
      await harness.project(lateFirst)
      for (const view of views) await harness.assertEqualToLog(view)
      assert.deepEqual(await rebuildView(harness.deps, salesByProduct, unwatched), {
        live: 2,
        previous: 1,
        events: everything.length + 1,
        streams: histories.length + 1,
      })
      await harness.append(lateSecond)
      await harness.project(...everything, lateFirst, lateSecond)
      for (const view of views) await harness.assertEqualToLog(view)
    })
})

describe('a rebuild of a view whose cursors were in a removed view', () => {
  it('completes it, and leaves no rollback to the generation without cursors', async () => {
    const harness = await RebuildHarness.with(...everything)
    const deps = { ...harness.deps, declared: [salesByProduct] }
    await harness.clock.wait(30 * HOUR_MS)
    harness.views.store(salesByProduct.name, 1).expireMarkers()
    await rebuildView(deps, salesByProduct, unwatched)
    await assert.rejects(rollBack(deps, salesByProduct, unwatched), { code: 'no-way-back' })
    const { pointer } = await harness.views.readPointer(salesByProduct.name)
    assert.deepEqual([pointer.live, pointer.cursorsIn, pointer.previous], [2, undefined, undefined])
    assert.ok(harness.views.store(salesByProduct.name, 1).isEmpty)
    await projecting(
      { log: harness.log, views: harness.views, eventTypes: orderEvents, clock: harness.clock },
      salesByProduct,
    )(everything)
    const fold = await RebuildHarness.with(...everything)
    assert.deepEqual(
      (await harness.views.store(salesByProduct.name, 2).read('tea'))?.document,
      (await fold.views.store(salesByProduct.name, 1).read('tea'))?.document,
    )
  })
})

describe('a rollback to a generation left long ago', () => {
  const leave = async (view: AnyView, hours: number): Promise<RebuildHarness> => {
    const harness = await RebuildHarness.with(...everything)
    await rebuildView(harness.deps, view, unwatched)
    await harness.clock.wait(hours * HOUR_MS)
    return harness
  }

  it('is refused for a multi-stream view once its applied markers may have expired', async () => {
    const harness = await leave(salesByProduct, 12)
    await assert.rejects(rollBack(harness.deps, salesByProduct, unwatched), { code: 'no-way-back' })
    assert.equal(await harness.readLive(salesByProduct), 2)
  })

  it('is possible before that, and always for a single-stream view', async () => {
    const soon = await leave(salesByProduct, 11)
    await rollBack(soon.deps, salesByProduct, unwatched)
    await soon.assertEqualToLog(salesByProduct)
    const late = await leave(orderView, 10_000)
    await rollBack(late.deps, orderView, unwatched)
    await late.assertEqualToLog(orderView)
  })
})
