import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../../test-support/wait.ts'
import { startHost, TestApp, testCleanup } from './support.ts'

test('a timer runs when it is due, and gets its schedule', async (t) => {
  const app = new TestApp(testCleanup(t), `app.timer('f', { schedule: '* * * * * *', handler: (timer) => out(timer) })`)
  await startHost(testCleanup(t), app)
  const [first, second] = await until('two runs', () => app.lines().length >= 2 && app.lines())
  assert.deepEqual(Object.keys(first), ['schedule', 'scheduleStatus', 'isPastDue'])
  assert.equal(first.isPastDue, false)
  assert.equal(first.schedule.adjustForDST, true)
  assert.ok(second.scheduleStatus.last > first.scheduleStatus.last)
  assert.ok(second.scheduleStatus.next > second.scheduleStatus.last)
})

test('a timer with runOnStartup runs at once', async (t) => {
  const app = new TestApp(
    testCleanup(t),
    `app.timer('f', { schedule: '0 0 0 1 1 *', runOnStartup: true, handler: () => out('ran') })`,
  )
  await startHost(testCleanup(t), app)
  await until('the run', () => app.lines().length === 1)
})

test('runs of a timer never overlap, and a failed run is retried as its retry option says', async (t) => {
  const app = new TestApp(
    testCleanup(t),
    `let running = 0
     app.timer('f', { schedule: '* * * * * *', retry: { strategy: 'fixedDelay', delayInterval: 0, maxRetryCount: 1 },
       handler: async (_, context) => {
         running += 1
         out({ running, retry: context.retryContext?.retryCount ?? 0 })
         await delay(600)
         running -= 1
         throw new Error('no')
       } })`,
  )
  await startHost(testCleanup(t), app)
  const runs = await until('four attempts', () => app.lines().length >= 4 && app.lines())
  assert.deepEqual(
    runs.slice(0, 4).map(({ running }) => running),
    [1, 1, 1, 1],
  )
  assert.deepEqual(
    runs.slice(0, 4).map(({ retry }) => retry),
    [0, 1, 0, 1],
  )
})
