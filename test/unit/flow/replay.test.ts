import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MemoryEventStore } from '../../../src/adapters/memory/event-store.ts'
import { MemoryViewStores } from '../../../src/adapters/memory/view-store.ts'
import { toCloudEvent } from '../../../src/core/cloud-event.ts'
import { isTidemarkError, TidemarkError } from '../../../src/core/errors.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import type { Clock, ViewStore, ViewStores } from '../../../src/core/ports.ts'
import type { AnyView } from '../../../src/core/view.ts'
import { newestOf } from '../../../src/core/view-pointer.ts'
import { LiveViews } from '../../../src/flow/live-views.ts'
import { projection } from '../../../src/flow/project.ts'
import { goBack, type ReplayDependencies, type ReplayWatch, replay } from '../../../src/flow/replay.ts'
import { orderEvents } from '../../../src/services/ordering/events.ts'
import { orderView } from '../../../src/services/ordering/order-view.ts'
import { salesByProduct } from '../../../src/services/ordering/sales-by-product.ts'
import { before } from '../../support/before-calls.ts'
import { address, cancelled, placed } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'

const moved = {
  type: 'ShippingAddressChanged',
  data: { orderId: '1', shippingAddress: { ...address, city: 'Bruges' } },
}
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

/** The events of one order, with its own id. */
function story(orderId: string, ...events: readonly { type: string; data: object }[]): RecordedEvent[] {
  return recorded(`order-${orderId}`, ...events.map(({ type, data }) => ({ type, data: { ...data, orderId } })))
}

const histories = [
  story('1', placed, moved, cancelled),
  story('2', placed, confirmed),
  story('3', placed, moved, moved, cancelled),
  story('4', placed),
]
const streams = ['order-1', 'order-2', 'order-3', 'order-4']
const everything = histories.flat()
const [lateFirst, lateSecond] = story('5', placed, cancelled)
assert.ok(lateFirst && lateSecond)

const unwatched: ReplayWatch = { begin() {}, read() {}, stage() {} }
const views: readonly AnyView[] = [orderView, salesByProduct]
const HOUR_MS = 3_600_000

/** A clock on which time passes only where somebody waits, and then at once. */
class WaitedClock implements Clock {
  #milliseconds = Date.UTC(2026, 0, 1)
  now(): string {
    return new Date(this.#milliseconds).toISOString()
  }
  elapsed(): number {
    return this.#milliseconds
  }
  async wait(milliseconds: number): Promise<void> {
    this.#milliseconds += milliseconds
  }
}

/** A service in memory: its log, its views, and an instance that projects. */
class Rig {
  readonly log = new MemoryEventStore()
  readonly views = new MemoryViewStores()
  readonly clock = new WaitedClock()
  readonly deps: ReplayDependencies
  #stamps = 0

  constructor() {
    const { log, views: generations, clock } = this
    const ids = (): string => {
      this.#stamps += 1
      return String(this.#stamps)
    }
    this.deps = { log, feed: log, generations, eventTypes: orderEvents, clock, ids }
  }

  /** A rig whose live views are up to these events. */
  static async with(...events: readonly RecordedEvent[]): Promise<Rig> {
    const rig = new Rig()
    await rig.append(...events)
    await rig.project(...events)
    return rig
  }

  async append(...events: readonly RecordedEvent[]): Promise<void> {
    for (const event of events) {
      const mark = { key: event.stream + event.id, fingerprint: '', from: event.version, to: event.version }
      assert.equal(await this.log.append([event], mark), 'appended')
    }
  }

  async project(...events: readonly RecordedEvent[]): Promise<void> {
    for (const view of views) await this.projection(view)(events.map(toCloudEvent))
  }

  projection(view: AnyView, stores: ViewStores = this.views) {
    return projection({ log: this.log, views: stores, eventTypes: orderEvents }, view)
  }

  async assertEqualToLog(view: AnyView): Promise<void> {
    const events: RecordedEvent[] = []
    const reader = this.log.open()
    for (let page = await reader.next(); page; page = await reader.next()) events.push(...page)
    const fold = await Rig.with(...events)
    assert.deepEqual(await snapshot(this.views, view, events), await snapshot(fold.views, view, events))
    assert.ok(events.length > 0)
  }

  /** Nothing is left but the live generation and the one before, and projections write the live one alone. */
  async assertClean(view: AnyView): Promise<void> {
    const { pointer } = await this.views.readPointer(view.name)
    const { stamp: _, ...named } = pointer
    assert.deepEqual(named, { live: pointer.live, previous: pointer.previous })
    const filled = Array.from({ length: newestOf(pointer) + 1 }, (_, generation) => generation).filter(
      (generation) => !this.views.store(view.name, generation).isEmpty,
    )
    const wanted = [pointer.live, pointer.previous?.generation].toSorted()
    assert.deepEqual(filled, wanted)
  }

  async liveOf(view: AnyView): Promise<number> {
    return (await this.views.readPointer(view.name)).pointer.live
  }
}

/** All that queries may see of a view's live generation. */
async function snapshot(stores: ViewStores, view: AnyView, events: readonly RecordedEvent[]): Promise<unknown> {
  const store = await stores.live(view.name)
  return {
    documents: (await store.list({ filter: {}, limit: 1000 })).map(({ document }) => document),
    tips: await Promise.all(
      [...new Set(events.map(({ stream }) => stream))]
        .toSorted()
        .map(async (stream) => [
          stream,
          view.kind === 'one-stream' ? (await store.read(stream))?.tip : (await store.readPosition(stream))?.tip,
        ]),
    ),
  }
}

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

/** How far a generation has come in a stream. */
function versionOf(rig: Rig, view: AnyView, generation: number, stream: string): Promise<number> {
  return versionIn(rig.views.store(view.name, generation), view, stream)
}

async function versionIn(store: ViewStore, view: AnyView, stream: string): Promise<number> {
  const item = view.kind === 'one-stream' ? await store.read(stream) : await store.readPosition(stream)
  return item?.tip?.version ?? 0
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
          read(events) {
            read = events
            begins.read(events)
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
        const { etag, tip } = (await live.read(key)) ?? {}
        if (tip) await live.writeWithTip(key, { document: { damaged: true }, sort: 'x', etag }, tip)
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
      assert.deepEqual((await rig.views.readPointer(view.name)).pointer, { live: 1 })
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
        await rig.projection(view, instance)([toCloudEvent(lateFirst)])
        await compare()
      })
      assert.ok(ahead > 0)
    })

    it('keeps the old generation up to date as long as an instance may still read it', async () => {
      const rig = await Rig.with(...everything)
      const reader = new LiveViews(rig.views, rig.clock)
      await replayWhile(
        rig,
        view,
        async () => {
          await rig.append(lateFirst)
          await rig.projection(view)([toCloudEvent(lateFirst)])
          assert.equal(await reader.live(view.name), rig.views.store(view.name, 1))
          assert.equal(await versionOf(rig, view, 1, 'order-5'), 1)
        },
        // It looks at the pointer for the last time before the swap.
        () => reader.live(view.name),
      )
    })

    it('whatever happens meanwhile: the view equals its log at the end, and no reader ever saw it go backwards', async () => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), stories(), fc.boolean(), async (scheduler, { past, future }, back) => {
          const rig = await Rig.with(...(back ? past : []))
          if (back) await replay(rig.deps, view, unwatched)
          else await rig.append(...past)
          await interleaved(scheduler, rig, view, future, back)
          await rig.assertEqualToLog(view)
          await rig.assertClean(view)
        }),
        { numRuns: 60, endOnFailure: true },
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
    const rig = await leave(salesByProduct, 48)
    await assert.rejects(goBack(rig.deps, salesByProduct, unwatched), { code: 'no-way-back' })
    assert.equal(await rig.liveOf(salesByProduct), 2)
  })

  it('is possible until then, and for ever where each document carries its position', async () => {
    const soon = await leave(salesByProduct, 47)
    await goBack(soon.deps, salesByProduct, unwatched)
    await soon.assertEqualToLog(salesByProduct)
    const late = await leave(orderView, 10_000)
    await goBack(late.deps, orderView, unwatched)
    await late.assertEqualToLog(orderView)
  })
})

/** An event that is appended so many milliseconds after the beginning. */
interface Timed {
  readonly event: RecordedEvent
  readonly after: number
}

/** Streams interleaved at random, in order within each, cut into what is in the log before and what comes meanwhile. */
function stories(): fc.Arbitrary<{ past: RecordedEvent[]; future: Timed[] }> {
  return fc
    .tuple(
      fc.array(fc.nat(histories.length - 1), { minLength: 12, maxLength: 12 }),
      fc.integer({ min: 1, max: everything.length - 1 }),
      // As long as a replay here takes: a good half of it is the handover.
      fc.array(fc.nat(8_000), { minLength: everything.length, maxLength: everything.length }),
    )
    .map(([choices, cut, times]) => {
      const queues = histories.map((history) => [...history])
      const order = choices.flatMap((choice) => queues[choice]?.shift() ?? []).concat(queues.flat())
      times.sort((a, b) => a - b)
      const future = order.slice(cut).map((event, index) => ({ event, after: times[index] ?? 0 }))
      return { past: order.slice(0, cut), future }
    })
}

/**
 * A replay, or a going back, while commands append, two instances project a half of the streams each, a third one reads, and time passes: every
 * call of every one waits until the scheduler lets it go.
 */
async function interleaved(
  scheduler: fc.Scheduler,
  rig: Rig,
  view: AnyView,
  future: readonly Timed[],
  back: boolean,
): Promise<void> {
  const turn = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label)
  const generations = before(rig.views, turn)
  const clock = before(rig.clock, turn)
  let [appended, moving] = [false, true]

  const append = async (): Promise<void> => {
    const start = clock.elapsed()
    for (const { event, after } of future) {
      while (moving && clock.elapsed() < start + after) await turn('append')
      await rig.append(event)
    }
    appended = true
  }
  const consume = async (half: number): Promise<void> => {
    const project = rig.projection(view, new LiveViews(generations, clock))
    const hub = rig.log.open()
    for (let over = false; !over; ) {
      over = appended && !moving
      await turn('round')
      for (let page = await hub.next(); page; page = await hub.next()) {
        const batch = page.filter(({ stream }) => Number(stream.at(-1)) % 2 === half).map(toCloudEvent)
        // As the trigger does: again until it goes through.
        await turn('batch')
        for (let through = false; !through; )
          through = await project(batch).then(
            () => true,
            (error: unknown) => {
              if (!isTidemarkError(error, 'view-contended')) throw error
              return false
            },
          )
      }
    }
  }
  const read = async (): Promise<void> => {
    const stores = new LiveViews(generations, clock)
    const seen = new Map<string, number>()
    while (moving)
      for (const stream of streams) {
        const version = await versionIn(await stores.live(view.name), view, stream)
        assert.ok(version >= (seen.get(stream) ?? 0), `${stream} went from ${seen.get(stream)} to ${version}`)
        seen.set(stream, version)
      }
  }
  const tick = async (): Promise<void> => {
    while (moving) await clock.wait(40)
  }
  const deps = { ...rig.deps, feed: before(rig.log, turn), generations, clock }
  const move = async (): Promise<void> => {
    await (back ? goBack : replay)(deps, view, unwatched)
    moving = false
  }
  const failure = (error: unknown): never => {
    moving = false
    throw error
  }
  await scheduler.waitFor(Promise.all([append(), consume(0), consume(1), read(), tick(), move().catch(failure)]))
}
