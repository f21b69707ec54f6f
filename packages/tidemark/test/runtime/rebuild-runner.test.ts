import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { TidemarkError } from '../../core/errors.ts'
import type { RebuildStore } from '../../core/ports.ts'
import type { RebuildAction, StoredRebuild } from '../../core/rebuild.ts'
import { MemoryRebuilds } from '../../memory/rebuilds.ts'
import {
  abandon,
  buildGeneration,
  promote,
  promoteIfEqual,
  type RebuildCheckpoint,
  type RebuildPort,
  rebuildView,
  rollBack,
} from '../../runtime/rebuild.ts'
import { RebuildRunner } from '../../runtime/rebuild-runner.ts'
import { orderView } from '../domain/orders.ts'
import { everything, RebuildHarness, unwatched } from '../support/rebuild-harness.ts'

const MINUTE_MS = 60_000

/** A store that records all writes in order, and may fail first. */
class RecordingRebuildStore implements RebuildStore {
  readonly inner = new MemoryRebuilds()
  readonly written: StoredRebuild[] = []
  /** The faults of the next writes. */
  readonly faults: ('lost' | 'unanswered' | undefined)[] = []

  read(view: string) {
    return this.inner.read(view)
  }

  async write(view: string, rebuild: StoredRebuild, etag: string | undefined) {
    const fault = this.faults.shift()
    if (fault === 'lost') throw new TidemarkError('unavailable', 'not now')
    const result = await this.inner.write(view, rebuild, etag)
    if (result.outcome === 'written') this.written.push(rebuild)
    if (fault === 'unanswered') throw new TidemarkError('outcome-unknown', 'no answer')
    return result
  }
}

function process(harness: RebuildHarness, store: RebuildStore, instance: string, rebuilder: Partial<RebuildPort> = {}) {
  const lines: string[] = []
  const rebuilds = new RebuildRunner({
    views: [orderView],
    rebuilder: {
      rebuildView: (view, watch, place) => rebuildView(harness.deps, view, watch, place),
      build: (view, watch, place) => buildGeneration(harness.deps, view, watch, place),
      promote: (view, watch, place) => promote(harness.deps, view, watch, place),
      promoteIfEqual: (view, watch, place) => promoteIfEqual(harness.deps, view, watch, place),
      abandon: (view, watch, place) => abandon(harness.deps, view, watch, place),
      rollBack: (view, watch, place) => rollBack(harness.deps, view, watch, place),
      ...rebuilder,
    },
    store,
    clock: harness.clock,
    instance,
    warn: (line) => void lines.push(`warn: ${line}`),
  })
  const trace = (line: string, level: string): number => lines.push(`${level}: ${line}`)
  return {
    lines,
    rebuilds,
    start: (action: RebuildAction = 'rebuild') => rebuilds.start(orderView, action, 'ada', trace),
    goOn: () => rebuilds.resume(trace),
  }
}

describe('a requested rebuild', () => {
  it('runs in the background and reports its progress and its end, as a rollback does', async () => {
    const harness = await RebuildHarness.with(...everything)
    const store = new RecordingRebuildStore()
    const { start, rebuilds } = process(harness, store, 'a')
    const begun = await start()
    assert.partialDeepStrictEqual(begun, { action: 'rebuild', state: 'running', stage: 'reading', by: 'ada' })
    await rebuilds.idle()
    const total = await harness.log.count()
    const last = await rebuilds.last(orderView)
    assert.partialDeepStrictEqual(last, { state: 'done', stage: 'live', target: 2, total, commits: total })
    assert.deepEqual([...new Set(store.written.map(({ stage }) => stage))], ['reading', 'handover', 'live'])
    assert.equal(await harness.readLive(orderView), 2)

    await start('go-back')
    await rebuilds.idle()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { action: 'go-back', state: 'done', target: 1 })
    assert.equal(await harness.readLive(orderView), 1)
  })

  it('is built, compared, and promoted or abandoned, each on request', async () => {
    const harness = await RebuildHarness.with(...everything)
    const { start, rebuilds } = process(harness, new RecordingRebuildStore(), 'a')
    const did = async (action: RebuildAction) => {
      await start(action)
      await rebuilds.idle()
      return rebuilds.last(orderView)
    }
    const comparison = { compared: 4, changed: 0, added: 0, removed: 0 }
    assert.partialDeepStrictEqual(await did('build'), { state: 'done', stage: 'built', target: 2, comparison })
    assert.equal(await harness.readLive(orderView), 1)
    assert.partialDeepStrictEqual(await did('promote'), { state: 'done', stage: 'live', target: 2 })
    assert.equal(await harness.readLive(orderView), 2)
    assert.partialDeepStrictEqual(await did('promote'), { state: 'failed', code: 'nothing-built' })
    assert.partialDeepStrictEqual(await did('build'), { state: 'done', stage: 'built', target: 3 })
    assert.partialDeepStrictEqual(await did('abandon'), { state: 'done', target: 3 })
    assert.equal(await harness.readLive(orderView), 2)
  })

  it('is promoted on request only if the generations are equal, and else says how they differ', async () => {
    const harness = await RebuildHarness.with(...everything)
    const { start, rebuilds } = process(harness, new RecordingRebuildStore(), 'a')
    const did = async (action: RebuildAction) => {
      await start(action)
      await rebuilds.idle()
      return rebuilds.last(orderView)
    }
    assert.partialDeepStrictEqual(await did('promote-if-equal'), { state: 'failed', code: 'nothing-built' })
    await did('build')
    const built = harness.views.store(orderView.name, 2)
    const before = await built.read('order-1')
    assert.ok(before?.cursor && before.document)
    const { cursor, etag, document } = before
    const damaged = await built.writeDocument('order-1', { document: { damaged: true }, sort: 'x', etag }, cursor)
    assert.ok(damaged.outcome === 'written')
    const refused = await did('promote-if-equal')
    const comparison = { compared: 4, changed: 1, examples: [{ key: 'order-1', difference: 'changed' }] }
    assert.partialDeepStrictEqual(refused, { state: 'failed', code: 'generations-differ', target: 2, comparison })
    assert.match(refused?.reason ?? '', /^1 of 4 documents of order differ between generation 2 and 1, the live one/)
    assert.equal(await harness.readLive(orderView), 1)

    // It still waits, and is promoted once it is equal.
    const sort = orderView.sort(document as never)
    await built.writeDocument('order-1', { document, sort, etag: damaged.etag }, cursor)
    assert.partialDeepStrictEqual(await did('promote-if-equal'), { state: 'done', stage: 'live', target: 2 })
    assert.equal(await harness.readLive(orderView), 2)
    await harness.assertEqualToLog(orderView)
  })

  for (const [hours, how] of [
    [1, 'resumes'],
    [12, 'starts again'],
  ] as const)
    it(`whose process ended ${hours} hours ago ${how}`, async () => {
      const harness = await RebuildHarness.with(...everything)
      const store = new RecordingRebuildStore()
      await buildGeneration(harness.deps, orderView, unwatched)
      const reader = harness.log.open()
      const commits = (await reader.next())?.length ?? 0
      const left = { target: 2, commits, total: everything.length, position: reader.offset ?? '' }
      await store.write(orderView.name, { ...running(harness), ...left, instance: 'killed' }, undefined)
      await harness.clock.wait(hours * 60 * MINUTE_MS)
      const places: (RebuildCheckpoint | undefined)[] = []
      const other = process(harness, store, 'b', {
        rebuildView: (view, watch, place) => {
          places.push(place)
          return rebuildView(harness.deps, view, watch, place)
        },
      })
      await other.goOn()
      await other.rebuilds.idle()
      const [place] = places
      if (how === 'resumes') assert.partialDeepStrictEqual(place, { target: 2, commits, offset: left.position })
      else assert.equal(place, undefined)
      // If this process ends too, the next one resumes where this one began.
      assert.equal(store.written[1]?.position, how === 'resumes' ? left.position : undefined)
      assert.match(other.lines[0] ?? '', new RegExp(`which ${how}$`))
      const last = await other.rebuilds.last(orderView)
      assert.partialDeepStrictEqual(last, { state: 'done', target: how === 'resumes' ? 2 : 3 })
      assert.ok(last && !('position' in last), 'the offset is not public')
      await harness.assertEqualToLog(orderView)
    })

  it('reports why it failed', async () => {
    const harness = new RebuildHarness()
    const { start, rebuilds, lines } = process(harness, new RecordingRebuildStore(), 'a')
    await start()
    await rebuilds.idle()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'failed', code: 'log-empty' })
    assert.match(lines.at(-1) ?? '', /^warn: the rebuild of the view order failed: log-empty: /)
  })

  it('is resumed by another instance a minute after the last report of its own', async () => {
    const harness = await RebuildHarness.with(...everything)
    const store = new RecordingRebuildStore()
    // It reports neither its end nor its progress, like a killed process.
    await store.write(orderView.name, { ...running(harness), instance: 'killed' }, undefined)
    const other = process(harness, store, 'b')
    await harness.clock.wait(MINUTE_MS - 1)
    await other.goOn()
    assert.partialDeepStrictEqual(await other.rebuilds.last(orderView), { state: 'running', instance: 'killed' })
    await harness.clock.wait(1)
    await other.goOn()
    await other.rebuilds.idle()
    const expected = { state: 'done', instance: 'b', by: 'ada', target: 2 }
    assert.partialDeepStrictEqual(await other.rebuilds.last(orderView), expected)
    assert.match(other.lines[0] ?? '', /^warn: order: the instance killed ended during the rebuild/)
    await other.goOn()
    assert.equal(await harness.readLive(orderView), 2)
  })

  it('reports progress when it takes longer than a minute, so that nobody restarts it', async () => {
    const harness = await RebuildHarness.with(...everything)
    const store = new RecordingRebuildStore()
    let isOver = false
    const slow = process(harness, store, 'a', {
      rebuildView: async (view, watch) => {
        for (let minutes = 0; minutes < 5; minutes += 1)
          for (let second = 0; second < 60; second += 1) await harness.clock.wait(1000)
        isOver = true
        return rebuildView(harness.deps, view, watch)
      },
    })
    const other = process(harness, store, 'b')
    await slow.start()
    while (!isOver) {
      await harness.clock.wait(1000)
      await other.goOn()
    }
    await slow.rebuilds.idle()
    assert.deepEqual(other.lines, [])
    assert.partialDeepStrictEqual(await slow.rebuilds.last(orderView), { state: 'done', instance: 'a' })
  })

  it('is resumed a minute after a transient failure', async () => {
    const harness = await RebuildHarness.with(...everything)
    const store = new RecordingRebuildStore()
    let isAway = true
    const { start, goOn, rebuilds, lines } = process(harness, store, 'a', {
      rebuildView: (view, watch, place) => {
        watch.begin(2, 1, everything.length)
        if (isAway) throw new TidemarkError('unavailable', 'the store is away')
        // It had not created a generation yet.
        return rebuildView(harness.deps, view, watch, place && { ...place, target: 1 })
      },
    })
    await start()
    await rebuilds.idle()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'running', target: 2 })
    assert.match(lines.at(-1) ?? '', /^warn: the rebuild of the view order failed: unavailable: .*resumes in a minute$/)
    isAway = false
    await goOn()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'running' }, 'not before')
    await harness.clock.wait(MINUTE_MS)
    await goOn()
    await rebuilds.idle()
    assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'done' })
  })

  it('stops reporting when another one replaces it', async () => {
    const harness = await RebuildHarness.with(...everything)
    const store = new RecordingRebuildStore()
    const [one, other] = [process(harness, store, 'a'), process(harness, store, 'b')]
    await one.start()
    await other.start()
    await Promise.all([one.rebuilds.idle(), other.rebuilds.idle()])
    assert.partialDeepStrictEqual(await one.rebuilds.last(orderView), { state: 'done', instance: 'b' })
    assert.match(one.lines.at(-1) ?? '', /replay-superseded/)
  })

  for (const fault of ['lost', 'unanswered'] as const)
    it(`is reported to its end although writes of its progress are ${fault}`, async () => {
      const harness = await RebuildHarness.with(...everything)
      const store = new RecordingRebuildStore()
      const { start, rebuilds, lines } = process(harness, store, 'a')
      store.faults.push(undefined, ...Array.from({ length: 8 }, () => fault))
      await start()
      await rebuilds.idle()
      assert.partialDeepStrictEqual(await rebuilds.last(orderView), { state: 'done', target: 2 })
      assert.ok(lines.some((line) => line.startsWith('warn: the progress of the rebuild of order could not be stored')))
    })
})

function running(harness: RebuildHarness): StoredRebuild {
  const now = harness.clock.now()
  const counts = { commits: 0, total: 0 }
  const about = { action: 'rebuild', state: 'running', stage: 'reading' } as const
  return { ...about, ...counts, startedAt: now, updatedAt: now, by: 'ada', instance: 'a' }
}
