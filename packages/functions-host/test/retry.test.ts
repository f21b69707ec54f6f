import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retryDelay } from '../retry.ts'

test('a fixed delay is constant, and an exponential one grows from its minimum to its maximum', () => {
  const fixed = { retryStrategy: 'fixedDelay', delayInterval: { seconds: 3 } }
  assert.deepEqual(
    [0, 1, 50].map((count) => retryDelay(fixed, count)),
    [3000, 3000, 3000],
  )
  const exponential = {
    retryStrategy: 'exponentialBackoff',
    minimumInterval: { seconds: 1 },
    maximumInterval: { seconds: 30 },
  }
  const middle = (): number => 0.5
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 1000].map((count) => retryDelay(exponential, count, middle)),
    [1000, 2000, 3000, 5000, 9000, 17_000, 30_000, 30_000],
  )
  assert.deepEqual(
    [0, 1].map((dice) => Math.round(retryDelay(exponential, 2, () => dice))),
    [2600, 3400],
  )
})
