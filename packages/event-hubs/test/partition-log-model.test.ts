import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { PartitionLog } from '../log/partition-log.ts'
import {
  append,
  bodies,
  firstFrom,
  newFolder,
  numbered,
  openLog,
  readAll,
  type Stored,
} from './partition-log-support.ts'

type Step =
  | { readonly do: 'append'; readonly batches: readonly { readonly count: number; readonly size: number }[] }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'retain'; readonly ms?: number; readonly bytes?: number }
  | { readonly do: 'reopen'; readonly tailBytes: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      batches: fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), size: fc.integer({ min: 0, max: 900 }) }), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: -500, max: 2000 }) }) },
  {
    weight: 2,
    arbitrary: fc.record(
      {
        do: fc.constant('retain' as const),
        ms: fc.integer({ min: 0, max: 5000 }),
        bytes: fc.integer({ min: 0, max: 10_000 }),
      },
      { requiredKeys: ['do'] },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reopen' as const), tailBytes: fc.constantFrom(0, 3000, 1_000_000) }),
  },
)

const steps = fc.array(step, { maxLength: 40, size: 'max' })

/** The expected log: all events ever appended, of which those from `begin` on are retained. */
interface Model {
  readonly events: Stored[]
  begin: number
}

async function check(log: PartitionLog, model: Model): Promise<void> {
  const { beginSequence, lastSequence, lastOffset, lastTime } = log.info
  const last = model.events.at(-1)
  assert.equal(beginSequence, model.begin)
  assert.deepEqual([lastSequence, lastOffset, lastTime], [last?.sequence ?? -1, last?.offset ?? -1, last?.time ?? 0])
  const kept = model.events.slice(model.begin)
  assert.deepEqual(await readAll(log), kept)
  // Positions stay valid after drops: each event's own leads to it, or to the first retained one.
  for (const event of [model.events[0], model.events[model.begin >> 1], kept[kept.length >> 1], last]) {
    if (!event) continue
    for (const key of ['sequence', 'offset', 'time'] as const) {
      const min: number = event[key]
      const expected = kept.find((candidate) => candidate[key] >= min)
      assert.deepEqual(await firstFrom(log, { key, min }), expected)
    }
  }
}

async function appendAll(log: PartitionLog, model: Model, step: Step & { do: 'append' }): Promise<void> {
  const before = model.events.length
  let next = before
  const appends = step.batches.map(({ count, size }) => {
    next += count
    return append(log, numbered(next - count, next, size))
  })
  await Promise.all(appends)
  const added = (await readAll(log)).filter(({ sequence }) => sequence >= before)
  assert.deepEqual(
    bodies(added),
    added.map((_, i) => `event ${before + i}`),
  )
  assert.equal(added.length, next - before)
  for (const event of added) {
    const last = model.events.at(-1)
    assert.equal(event.sequence, (last?.sequence ?? -1) + 1)
    assert.ok(event.offset > (last?.offset ?? -1))
    assert.equal(event.time, Math.max(Date.now(), last?.time ?? 0))
    model.events.push(event)
  }
}

async function retain(log: PartitionLog, model: Model, step: Step & { do: 'retain' }): Promise<void> {
  const now = Date.now()
  const bytes = log.info.bytes
  const { do: _, ...limits } = step
  await log.retain(limits, now)
  const { beginSequence, bytes: left } = log.info
  assert.ok(beginSequence >= model.begin)
  const dropped = model.events.slice(model.begin, beginSequence)
  const isOld = (event: Stored): boolean => step.ms !== undefined && event.time < now - step.ms
  if (!dropped.every(isOld)) {
    assert.ok(step.bytes !== undefined && left >= step.bytes, `${left} of ${bytes} bytes are left`)
  }
  model.begin = beginSequence
  if (step.ms !== undefined && model.events.every(isOld)) assert.equal(beginSequence, model.events.length)
}

async function run(t: TestContext, segmentBytes: number, steps: readonly Step[]): Promise<Model> {
  const folder = await newFolder(t)
  const model: Model = { events: [], begin: 0 }
  let log = await openLog(folder, { segmentBytes })
  try {
    for (const step of steps) {
      if (step.do === 'append') await appendAll(log, model, step)
      else if (step.do === 'retain') await retain(log, model, step)
      else if (step.do === 'wait') t.mock.timers.setTime(Math.max(0, Date.now() + step.ms))
      else {
        const { info } = log
        await log.close()
        log = await openLog(folder, { segmentBytes, tailBytes: step.tailBytes })
        assert.deepEqual(log.info, info)
      }
      await check(log, model)
    }
    return model
  } finally {
    await log.close()
  }
}

test('after appends, drops and reopens in any order, every retained event is unchanged in its place', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 10_000 })
  let dropped = 0
  let kept = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(1, 1500, 100_000), steps, async (segmentBytes, steps) => {
      t.mock.timers.setTime(10_000)
      const { events, begin } = await run(t, segmentBytes, steps)
      dropped += begin
      kept += events.length - begin
    }),
    { numRuns: 60 },
  )
  assert.ok(dropped > 500 && kept > 500, `${dropped} events were dropped, ${kept} kept`)
})
