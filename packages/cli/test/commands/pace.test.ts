import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Pace } from '../../tidemark/commands/pace.ts'

const startedAt = '2026-01-31T12:00:00.000Z'
const at = (
  seconds: number,
  commits: number,
  more: { stage?: 'handover'; startedAt?: string; events?: number } = {},
) => ({
  ...{ stage: 'reading' as const, commits, total: 10_000, startedAt },
  updatedAt: new Date(Date.parse(startedAt) + seconds * 1000).toISOString(),
  ...more,
})

describe('the pace of a rebuild', () => {
  it('is unknown at first, while nothing is read, and once the log is read', () => {
    const pace = new Pace()
    assert.deepEqual(pace.describe(at(0, 0)), [])
    assert.deepEqual(pace.describe(at(1, 900)), [])
    assert.deepEqual(pace.describe(at(30, 0)), [])
    assert.deepEqual(pace.describe(at(30, 10_000, { stage: 'handover' })), [])
  })

  it('is what was read since the first report, and says how long the rest takes', () => {
    for (const [seconds, commits, expected] of [
      [10, 1000, ['100 commits/s', '1 min 30 s left']],
      [2, 5000, ['2500 commits/s', '2 s left']],
      [1000, 1000, ['1.0 commits/s', '2 h 30 min left']],
      [10, 12_000, ['1200 commits/s', '0 s left']],
    ] as const) {
      const pace = new Pace()
      pace.describe(at(0, 0))
      assert.deepEqual(pace.describe(at(seconds, commits)), expected)
    }
  })

  it('is in events if the service counts them, and the time left is by commits', () => {
    const pace = new Pace()
    pace.describe(at(0, 100, { events: 300 }))
    assert.deepEqual(pace.describe(at(10, 1100, { events: 3300 })), ['300 events/s', '1 min 29 s left'])
    assert.deepEqual(pace.describe(at(10, 1100)), ['100 commits/s', '1 min 29 s left'])
  })

  it('counts only what the resumed rebuild has read itself', () => {
    const pace = new Pace()
    pace.describe(at(0, 0))
    const resumed = { startedAt: '2026-01-31T12:01:00.000Z' }
    assert.deepEqual(pace.describe(at(60, 9000, resumed)), [])
    assert.deepEqual(pace.describe(at(70, 9500, resumed)), ['50 commits/s', '10 s left'])
  })
})
