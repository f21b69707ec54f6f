import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isTidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { AnyView } from '../../core/view.ts'
import { LiveViews } from '../../runtime/live-views.ts'
import { buildGeneration, promote, rebuildView, rollBack } from '../../runtime/rebuild.ts'
import { before } from '../support/before-calls.ts'
import {
  everything,
  histories,
  RebuildHarness,
  streams,
  unwatched,
  versionIn,
  views,
} from '../support/rebuild-harness.ts'

describe('a concurrent rebuild', () => {
  for (const view of views)
    it(`makes ${view.name} equal to its log, and no reader sees the view go backwards`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), stories(), moves, async (scheduler, { past, future }, move) => {
          const harness = await RebuildHarness.with(...(move === 'replay' ? [] : past))
          if (move === 'back') await rebuildView(harness.deps, view, unwatched)
          else if (move === 'replay') await harness.append(...past)
          await interleaved(scheduler, harness, view, { future, move })
          await harness.assertEqualToLog(view)
          await harness.assertClean(view)
        }),
        { numRuns: 90, endOnFailure: true },
      )
    })
})

type Move = 'replay' | 'back' | 'apart'
const moves = fc.constantFrom<Move>('replay', 'back', 'apart')

/** An event that is appended `after` milliseconds from the start. */
interface Timed {
  readonly event: RecordedEvent
  readonly after: number
}

/**
 * Streams interleaved at random, each in order, and split into the log's past and the events appended during the run.
 */
function stories(): fc.Arbitrary<{ past: RecordedEvent[]; future: Timed[] }> {
  return fc
    .tuple(
      fc.array(fc.nat(histories.length - 1), { minLength: 12, maxLength: 12 }),
      fc.integer({ min: 1, max: everything.length - 1 }),
      // As long as a rebuild takes here; more than half of it is the promotion.
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
 * Runs a rebuild, a rollback, or a build with its promotion. Meanwhile commands append, two instances project
 * half of the streams each, a third one reads, and time passes. The scheduler decides the order of all their calls.
 */
async function interleaved(
  scheduler: fc.Scheduler,
  harness: RebuildHarness,
  view: AnyView,
  { future, move }: { readonly future: readonly Timed[]; readonly move: Move },
): Promise<void> {
  const turn = (label: string): Promise<void> => scheduler.schedule(Promise.resolve(), label)
  const generations = before(harness.views, turn)
  const clock = before(harness.clock, turn)
  let [appended, moving] = [false, true]

  const append = async (): Promise<void> => {
    const start = clock.elapsed()
    for (const { event, after } of future) {
      while (moving && clock.elapsed() < start + after) await turn('append')
      await harness.append(event)
    }
    appended = true
  }
  const consume = async (half: number): Promise<void> => {
    const project = harness.projection(new LiveViews(generations, clock))
    const hub = harness.log.open()
    for (let over = false; !over; ) {
      over = appended && !moving
      await turn('round')
      for (let page = await hub.next(); page; page = await hub.next()) {
        const its = page.filter(({ stream }) => Number(stream.at(-1)) % 2 === half)
        const batch = its.flatMap(({ events }) => events)
        // Like the trigger, it redelivers the batch until it succeeds.
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
        const { live } = await stores.state(view.name)
        const version = await versionIn(stores, live, view, stream)
        assert.ok(version >= (seen.get(stream) ?? 0), `${stream} went from ${seen.get(stream)} to ${version}`)
        seen.set(stream, version)
      }
  }
  const tick = async (): Promise<void> => {
    while (moving) await clock.wait(40)
  }
  const deps = { ...harness.deps, feed: before(harness.log, turn), generations, clock }
  const moveOn = async (): Promise<void> => {
    if (move === 'apart') await buildGeneration(deps, view, unwatched)
    await { replay: rebuildView, back: rollBack, apart: promote }[move](deps, view, unwatched)
    moving = false
  }
  const failure = (error: unknown): never => {
    moving = false
    throw error
  }
  await scheduler.waitFor(Promise.all([append(), consume(0), consume(1), read(), tick(), moveOn().catch(failure)]))
}
