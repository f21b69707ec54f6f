import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { periodicWork } from '../../runtime/periodic.ts'
import { ManualClock } from '../support/fakes.ts'

describe('periodic work', () => {
  it('runs each task at its time, and accepts a timer that fires slightly early', async () => {
    const clock = new ManualClock()
    const runs = { always: 0, minutely: 0 }
    const work = periodicWork(clock, [
      {
        every: 0,
        run: async () => {
          runs.always += 1
        },
      },
      {
        every: 60_000,
        run: async () => {
          runs.minutely += 1
        },
      },
    ])
    for (const after of [60_003, 59_995, 60_001, 30_000, 29_997]) {
      await work(() => {})
      await clock.wait(after)
    }
    assert.deepEqual(runs, { always: 5, minutely: 4 })
  })

  it('runs all other tasks when one fails, and then fails', async () => {
    const done: string[] = []
    const work = periodicWork(new ManualClock(), [
      { every: 0, run: () => Promise.reject(new Error('not now')) },
      { every: 0, run: async () => done.push('second') },
    ])
    await assert.rejects(
      work(() => {}),
      /not now/,
    )
    assert.deepEqual(done, ['second'])
  })
})
