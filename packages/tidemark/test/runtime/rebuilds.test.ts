import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { RebuildStore } from '../../core/ports.ts'
import type { KeptRebuild, RebuildAction } from '../../core/rebuild.ts'
import { MemoryRebuilds } from '../../memory/rebuilds.ts'
import { Rebuilds } from '../../runtime/rebuilds.ts'
import { abandon, buildNext, goBack, promote, type ReplayPlace, type ReplayPort, replay } from '../../runtime/replay.ts'
import { orderView } from '../domain/orders.ts'
import { everything, Rig, unwatched } from '../support/replay-rig.ts'

const MINUTE_MS = 60_000

/** A store that keeps what it was told, one after another, and may fail first. */
class Telling implements RebuildStore {
  readonly inner = new MemoryRebuilds()
  readonly told: KeptRebuild[] = []
  /** What happens to the writes to come. */
  readonly faults: ('lost' | 'unanswered' | undefined)[] = []

  read(view: string) {
    return this.inner.read(view)
  }

  async write(view: string, rebuild: KeptRebuild, etag: string | undefined) {
    const fault = this.faults.shift()
    if (fault === 'lost') throw new TidemarkError('unavailable', 'not now')
    const result = await this.inner.write(view, rebuild, etag)
    if (result.outcome === 'written') this.told.push(rebuild)
    if (fault === 'unanswered') throw new TidemarkError('outcome-unknown', 'no answer')
    return result
  }
}

function process(rig: Rig, store: RebuildStore, instance: string, replays: Partial<ReplayPort> = {}) {
  const lines: string[] = []
  const rebuilds = new Rebuilds({
    views: [orderView],
    replays: {
      replay: (view, watch, place) => replay(rig.deps, view, watch, place),
      build: (view, watch, place) => buildNext(rig.deps, view, watch, place),
      promote: (view, watch, place) => promote(rig.deps, view, watch, place),
      abandon: (view, watch, place) => abandon(rig.deps, view, watch, place),
      goBack: (view, watch, place) => goBack(rig.deps, view, watch, place),
      ...replays,
    },
    store,
    clock: rig.clock,
    instance,
    warn: (line) => void lines.push(`warn: ${line}`),
  })
  const trace = (line: string, level: string): number => lines.push(`${level}: ${line}`)
  return {
    lines,
    rebuilds,
    start: (action: RebuildAction = 'rebuild') => rebuilds.start(orderView, action, 'ada', trace),
    goOn: () => rebuilds.goOn(trace),
  }
}

describe('a rebuild that somebody asks for', () => {
  it('goes on in the background, tells how far it is, and that it is done; and so does going back', async () => {
    const rig = await Rig.with(...everything)
    const store = new Telling()
    const { start, rebuilds } = process(rig, store, 'a')
    const begun = await start()
    assert.partialDeepStrictEqual(begun, { action: 'rebuild', state: 'running', stage: 'reading', by: 'ada' })
    await rebuilds.settled()
    const total = await rig.log.count()
    const last = await rebuilds.last(orderView)
    assert.partialDeepStrictEqual(last, { state: 'done', stage: 'live', target: 2, total, commits: total })
    assert.deepEqual([...new Set(store.told.map(({ stage }) => stage))], ['reading', 'handover', 'live'])
    assert.equal(await rig.liveOf(orderView), 2)

    await start('go-back')
    await rebuilds.settled()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { action: 'go-back', state: 'done', target: 1 })
    assert.equal(await rig.liveOf(orderView), 1)
  })

  it('is built, compared, and then promoted or abandoned, as each is asked for', async () => {
    const rig = await Rig.with(...everything)
    const { start, rebuilds } = process(rig, new Telling(), 'a')
    const did = async (action: RebuildAction) => {
      await start(action)
      await rebuilds.settled()
      return rebuilds.last(orderView)
    }
    const comparison = { compared: 4, changed: 0, added: 0, removed: 0 }
    assert.partialDeepStrictEqual(await did('build'), { state: 'done', stage: 'built', target: 2, comparison })
    assert.equal(await rig.liveOf(orderView), 1)
    assert.partialDeepStrictEqual(await did('promote'), { state: 'done', stage: 'live', target: 2 })
    assert.equal(await rig.liveOf(orderView), 2)
    assert.partialDeepStrictEqual(await did('promote'), { state: 'failed', code: 'nothing-built' })
    assert.partialDeepStrictEqual(await did('build'), { state: 'done', stage: 'built', target: 3 })
    assert.partialDeepStrictEqual(await did('abandon'), { state: 'done', target: 3 })
    assert.equal(await rig.liveOf(orderView), 2)
  })

  for (const [hours, how] of [
    [1, 'goes on'],
    [12, 'begins anew'],
  ] as const)
    it(`whose process ended ${hours} hours ago ${how}`, async () => {
      const rig = await Rig.with(...everything)
      const store = new Telling()
      await buildNext(rig.deps, orderView, unwatched)
      const reader = rig.log.open()
      const commits = (await reader.next())?.length ?? 0
      const left = { target: 2, commits, total: everything.length, position: reader.position ?? '' }
      await store.write(orderView.name, { ...running(rig), ...left, instance: 'killed' }, undefined)
      await rig.clock.wait(hours * 60 * MINUTE_MS)
      const places: (ReplayPlace | undefined)[] = []
      const other = process(rig, store, 'b', {
        replay: (view, watch, place) => {
          places.push(place)
          return replay(rig.deps, view, watch, place)
        },
      })
      await other.goOn()
      await other.rebuilds.settled()
      const [place] = places
      if (how === 'goes on') assert.partialDeepStrictEqual(place, { target: 2, commits, position: left.position })
      else assert.equal(place, undefined)
      assert.match(other.lines[0] ?? '', new RegExp(`which ${how}$`))
      const last = await other.rebuilds.last(orderView)
      assert.partialDeepStrictEqual(last, { state: 'done', target: how === 'goes on' ? 2 : 3 })
      assert.ok(last && !('position' in last), 'nobody is told of the position')
      await rig.assertEqualToLog(orderView)
    })

  it('that fails says why', async () => {
    const rig = new Rig()
    const { start, rebuilds, lines } = process(rig, new Telling(), 'a')
    await start()
    await rebuilds.settled()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'failed', code: 'log-empty' })
    assert.match(lines.at(-1) ?? '', /^warn: the rebuild of the view order failed: log-empty: /)
  })

  it('whose process ended is taken up by another, once it has said nothing for a minute', async () => {
    const rig = await Rig.with(...everything)
    const store = new Telling()
    // It never says that it is done, nor that it goes on: as a process that was killed.
    await store.write(orderView.name, { ...running(rig), instance: 'killed' }, undefined)
    const other = process(rig, store, 'b')
    await rig.clock.wait(MINUTE_MS - 1)
    await other.goOn()
    assert.partialDeepStrictEqual(await other.rebuilds.last(orderView), { state: 'running', instance: 'killed' })
    await rig.clock.wait(1)
    await other.goOn()
    await other.rebuilds.settled()
    const expected = { state: 'done', instance: 'b', by: 'ada', target: 2 }
    assert.partialDeepStrictEqual(await other.rebuilds.last(orderView), expected)
    assert.match(other.lines[0] ?? '', /^warn: order: the instance killed ended while it did the rebuild/)
    await other.goOn()
    assert.equal(await rig.liveOf(orderView), 2)
  })

  it('that takes longer than a minute says that it goes on: nobody begins it anew', async () => {
    const rig = await Rig.with(...everything)
    const store = new Telling()
    let isOver = false
    const slow = process(rig, store, 'a', {
      replay: async (view, watch) => {
        for (let minutes = 0; minutes < 5; minutes += 1)
          for (let second = 0; second < 60; second += 1) await rig.clock.wait(1000)
        isOver = true
        return replay(rig.deps, view, watch)
      },
    })
    const other = process(rig, store, 'b')
    await slow.start()
    while (!isOver) {
      await rig.clock.wait(1000)
      await other.goOn()
    }
    await slow.rebuilds.settled()
    assert.deepEqual(other.lines, [])
    assert.partialDeepStrictEqual(await slow.rebuilds.last(orderView), { state: 'done', instance: 'a' })
  })

  it('that fails of what may pass is gone on with after a minute', async () => {
    const rig = await Rig.with(...everything)
    const store = new Telling()
    let isAway = true
    const { start, goOn, rebuilds, lines } = process(rig, store, 'a', {
      replay: (view, watch, place) => {
        watch.begin(2, 1, everything.length)
        if (isAway) throw new TidemarkError('unavailable', 'the store is away')
        // It had not come to a generation of its own.
        return replay(rig.deps, view, watch, place && { ...place, target: 1 })
      },
    })
    await start()
    await rebuilds.settled()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'running', target: 2 })
    assert.match(lines.at(-1) ?? '', /^warn: the rebuild of the view order failed: unavailable: .*goes on in a minute$/)
    isAway = false
    await goOn()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'running' }, 'not before')
    await rig.clock.wait(MINUTE_MS)
    await goOn()
    await rebuilds.settled()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'done' })
  })

  it('in whose place another begins is not told of any more', async () => {
    const rig = await Rig.with(...everything)
    const store = new Telling()
    const [one, other] = [process(rig, store, 'a'), process(rig, store, 'b')]
    await one.start()
    await other.start()
    await Promise.all([one.rebuilds.settled(), other.rebuilds.settled()])
    assert.partialDeepStrictEqual(await one.rebuilds.last(orderView), { state: 'done', instance: 'b' })
    assert.match(one.lines.at(-1) ?? '', /replay-superseded/)
  })

  for (const fault of ['lost', 'unanswered'] as const)
    it(`is told to the end though writes of how far it is are ${fault}`, async () => {
      const rig = await Rig.with(...everything)
      const store = new Telling()
      const { start, rebuilds, lines } = process(rig, store, 'a')
      store.faults.push(undefined, ...Array.from({ length: 8 }, () => fault))
      await start()
      await rebuilds.settled()
      assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'done', target: 2 })
      assert.ok(lines.some((line) => line.startsWith('warn: how far the rebuild of order is could not be kept')))
    })
})

function running(rig: Rig): KeptRebuild {
  const now = rig.clock.now()
  const counts = { commits: 0, total: 0 }
  const about = { action: 'rebuild', state: 'running', stage: 'reading' } as const
  return { ...about, ...counts, startedAt: now, updatedAt: now, by: 'ada', instance: 'a' }
}
